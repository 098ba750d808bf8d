/** What an operation may still set going: a token bucket whose state is stored, so that a restart does not refill it. */
export interface Allowance {
  /** Deliveries that were left at `at`. */
  left: number;
  /** Unix milliseconds, by the database's clock. */
  at: number;
}

/** Deliveries of one step, so that its transaction stays short. */
export const largestStep = 1_000;

/** @param rate deliveries a second; null for no limit. A second's worth is kept at most. */
export function refilled({ left, at }: Allowance, rate: number | null, now: number): number {
  if (rate === null) return Number.POSITIVE_INFINITY;
  const most = Math.max(rate, 1);
  return Math.min(most, left + (Math.max(now - at, 0) / 1_000) * rate);
}

/**
 * Deliveries that an operation may have under way: two seconds' worth. Everything else stays where it is, so that an
 * operation of any size costs the worker and the table of retries the same.
 */
export function mostUnderWay(rate: number | null): number {
  return rate === null ? 2_000 : Math.min(Math.max(Math.ceil(2 * rate), 100), 5_000);
}

export function stepSize(state: { allowed: number; underWay: number; rate: number | null }): number {
  const room = mostUnderWay(state.rate) - state.underWay;
  return Math.max(Math.min(Math.floor(state.allowed), room, largestStep), 0);
}
