export interface Clock {
  /** Unix milliseconds: for what is stored, signed or compared with times of the database. */
  now(): number;
  /** Milliseconds that only ever grow: for leases and durations, whatever happens to the wall clock. */
  monotonic(): number;
}

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };
