import type { IncomingHttpHeaders } from 'node:http';
import { timingSafeEqual } from 'node:crypto';

/** With TLS the name itself keeps subdomains and plain HTTP from setting it. */
const nameFor = (publicUrl: string): string => (isSecure(publicUrl) ? '__Host-hookcast' : 'hookcast');

const isSecure = (publicUrl: string): boolean => publicUrl.startsWith('https:');

/** A Set-Cookie value. An empty secret removes the cookie. */
export function sessionCookie(secret: string, publicUrl: string): string {
  const end = secret === '' ? '; Max-Age=0' : '';
  const secure = isSecure(publicUrl) ? '; Secure' : '';
  return `${nameFor(publicUrl)}=${secret}; Path=/; HttpOnly; SameSite=Strict${secure}${end}`;
}

/** The secret in a Cookie header. Undefined when there is none, or several: one of them is somebody else's doing. */
export function secretOf(cookies: string | undefined, publicUrl: string): string | undefined {
  const prefix = `${nameFor(publicUrl)}=`;
  const found = (cookies ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(prefix));
  return found.length === 1 ? found[0]?.slice(prefix.length) : undefined;
}

/**
 * Whether a request that changes something may come from a page of ours, by what browsers say about it. What says
 * nothing is no browser of today, and has no cookie that somebody else could use.
 */
export function isSameOrigin(headers: IncomingHttpHeaders, publicUrl: string): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin') return false;
  const { origin } = headers;
  if (origin === undefined || (origin === 'null' && site === 'same-origin')) return true;
  if (!URL.canParse(origin)) return false;
  const { host } = new URL(origin);
  return host === headers.host || host === new URL(publicUrl).host;
}

export function isToken(given: string | null, token: string): boolean {
  const [one, other] = [Buffer.from(given ?? ''), Buffer.from(token)];
  return one.length === other.length && timingSafeEqual(one, other);
}
