/** What a topic's own answer says about where to subscribe (W3C WebSub §4). */
export interface WebSubDiscovery {
  /** The hubs, in the order given; any one will do. */
  readonly hubs: readonly string[];
  /** The canonical URL of the topic, to subscribe to instead of the one that was fetched. */
  readonly topic: string;
}

/**
 * Finds the hubs of a topic in the answer to `GET <topic>`: in its Link headers, or else in the first 64 KiB of its Atom,
 * RSS or HTML.
 *
 * @param topicUrl what was fetched; relative links count from here
 * @param links every Link header line
 * @returns undefined when the topic names no hub
 */
export function discoverWebSub(topicUrl: string, links: readonly string[], body: string): WebSubDiscovery | undefined {
  const found = [linksInHeaders(links), linksInMarkup(body)].find((list) =>
    list.some(({ rels }) => rels.includes('hub')),
  );
  if (found === undefined) return undefined;
  const resolve = (rel: string) =>
    found
      .filter(({ rels, href }) => rels.includes(rel) && URL.canParse(href, topicUrl))
      .map(({ href }) => new URL(href, topicUrl).href);
  const hubs = resolve('hub').filter((url) => /^https?:/.test(url));
  return hubs.length === 0 ? undefined : { hubs, topic: resolve('self')[0] ?? topicUrl };
}

export interface WebSubRequest {
  readonly mode: 'subscribe' | 'unsubscribe';
  readonly topic: string;
  /** The source's URL: the hub sends its challenge and the content there. */
  readonly callbackUrl: string;
  /** Signs the content. Below 200 bytes, as the specification demands. */
  readonly secret: string;
  /** How long to stay subscribed; the hub decides. @default 864000 (10 days) */
  readonly leaseSeconds?: number;
}

const defaultLeaseSeconds = 864_000;

/** The form to POST to the hub (W3C WebSub §5.1), which answers 202 and then asks the callback for its intent. */
export function webSubForm(request: WebSubRequest): string {
  const form = new URLSearchParams({
    'hub.mode': request.mode,
    'hub.topic': request.topic,
    'hub.callback': request.callbackUrl,
  });
  if (request.mode === 'subscribe') {
    form.set('hub.secret', request.secret);
    form.set('hub.lease_seconds', String(request.leaseSeconds ?? defaultLeaseSeconds));
  }
  return form.toString();
}

/** When to subscribe anew: after three quarters of the lease, which leaves a failing hub the last one to come back. */
export function webSubRenewalAt(grantedAt: Date, leaseSeconds: number): Date {
  return new Date(grantedAt.getTime() + leaseSeconds * 750);
}

interface Link {
  readonly href: string;
  readonly rels: readonly string[];
}

const maxMarkup = 65_536;
const hrefAttribute = /\shref\s*=\s*["']([^"']*)["']/i;
const relAttribute = /\srel\s*=\s*["']([^"']*)["']/i;

/** RFC 8288: `<url>; rel="hub self", <url>; rel=hub`. */
function linksInHeaders(lines: readonly string[]): Link[] {
  return lines.flatMap((line) =>
    [...line.matchAll(/<([^>]*)>([^<]*)/g)].map(([, href = '', parameters = '']) => ({
      href,
      rels: words(/;\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))/i.exec(parameters)),
    })),
  );
}

function linksInMarkup(markup: string): Link[] {
  const tags = markup.slice(0, maxMarkup).match(/<(?:[\w-]+:)?link\s[^<>]*>/gi) ?? [];
  return tags.map((tag) => ({
    href: (hrefAttribute.exec(tag)?.[1] ?? '').replaceAll('&amp;', '&'),
    rels: words(relAttribute.exec(tag)),
  }));
}

function words(match: RegExpExecArray | null): string[] {
  const text = match?.[1] ?? match?.[2] ?? '';
  return text.toLowerCase().split(/\s+/);
}
