/** How the waits between failed calls of the broker grow. */
export interface RetryPacing {
  /** The wait after the first failure; doubles with each further one. */
  baseMs: number;
  maxMs: number;
}

/**
 * Milliseconds to wait after so many failures in a row: exponential, with jitter over the upper half, so that instances
 * that lost the broker together do not come back together.
 *
 * @param random from 0 to 1
 */
export function retryPause(failures: number, { baseMs, maxMs }: RetryPacing, random: number): number {
  return Math.min(maxMs, baseMs * 2 ** (failures - 1)) * (0.5 + random / 2);
}
