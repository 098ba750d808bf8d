/**
 * True when a hook URL is where this broker takes events in by its public URL: what it delivers there would come back.
 * Other paths of the same host may be other services behind one proxy. The address it listens on is shut by the egress
 * rules, whatever the path.
 */
export function isOwnAddress(hook: URL, publicUrl: string): boolean {
  const own = new URL(publicUrl);
  // The ports of HTTP and HTTPS are both '' here: a proxy that serves one mostly serves the other too.
  if (hostOf(hook) !== hostOf(own) || hook.port !== own.port) return false;
  // Routing does not tell upper from lower case.
  const base = own.pathname.replace(/\/+$/, '').toLowerCase();
  const path = decoded(hook.pathname).toLowerCase();
  return path.startsWith(base) && /^\/+(?:v1|in)(?:\/|$)/.test(path.slice(base.length));
}

const hostOf = ({ hostname }: URL): string => hostname.replace(/\.$/, '');

/** Proxies decode before they route. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
