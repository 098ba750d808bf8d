/** How the waits between failed requests grow. */
export interface RetryPacing {
  /** The wait after the first failure; doubles with each further one. */
  baseMs: number;
  maxMs: number;
}

/**
 * How long to wait before the next attempt: exponential with jitter over the upper half, so that publishers that failed
 * together do not come back together.
 *
 * @param failures failed attempts in a row, at least 1
 * @param random from 0 to 1
 */
export function retryDelayMs(failures: number, { baseMs, maxMs }: RetryPacing, random: number): number {
  const full = Math.min(maxMs, baseMs * 2 ** (failures - 1));
  return Math.round(full * (0.5 + random / 2));
}

/** Milliseconds that a Retry-After header asks for: seconds or an HTTP date (RFC 9110 §10.2.3); 0 when it says nothing. */
export function retryAfterMs(header: string | undefined, now: number): number {
  if (header === undefined) return 0;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? 0 : Math.max(0, at - now);
}
