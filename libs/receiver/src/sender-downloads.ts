const timeoutMs = 5000;
const maxBytes = 65_536;
/** AWS and PayPal renew a certificate under another URL, so there are few. */
const maxKept = 100;
/** Whoever forges requests chooses the URL, so one that failed is not asked for again by each of them. */
const failedMs = 30_000;

interface Download {
  readonly pem: Promise<string | undefined>;
  /** On the monotonic clock; undefined while it has not failed. */
  failedAt?: number;
}

const downloads = new Map<string, Download>();

/**
 * The PEM text at a URL that a sender's rule has allowed, kept while the process lives. Undefined when it cannot be had.
 * Redirects are not followed: they would lead past that rule.
 */
export async function downloadCertificate(url: string): Promise<string | undefined> {
  const known = downloads.get(url);
  if (known !== undefined && !mayRetry(known)) return known.pem;
  if (downloads.size >= maxKept) downloads.clear();
  const download: Download = { pem: get(url).catch(() => undefined) };
  downloads.set(url, download);
  const pem = await download.pem;
  if (pem === undefined) download.failedAt = performance.now();
  return pem;
}

const mayRetry = ({ failedAt }: Download): boolean => failedAt !== undefined && performance.now() - failedAt > failedMs;

/**
 * Confirms a subscription by the one GET that its sender waits for (the `confirm` of a follow-up, AWS SNS).
 *
 * @throws {Error} when the sender does not answer 2xx within 5 seconds
 */
export async function confirmSubscription(url: string): Promise<void> {
  await get(url);
}

async function get(url: string): Promise<string> {
  const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(timeoutMs) });
  if (!response.ok) throw new Error(`${new URL(url).host} answered ${response.status}`);
  const body = await response.text();
  if (body.length > maxBytes) throw new Error(`${new URL(url).host} answered with more than ${maxBytes} bytes`);
  return body;
}
