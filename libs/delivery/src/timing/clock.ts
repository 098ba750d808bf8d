export interface Clock {
  /** Unix milliseconds: for what is stored, signed or compared with times of the database. */
  now(): number;
  /** Milliseconds that only ever grow: for leases and durations, whatever happens to the wall clock. */
  monotonic(): number;
}

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };

/** One moment by both clocks. */
export interface Moment {
  /** Unix milliseconds. */
  now: number;
  monotonic: number;
}

export const momentOf = (clock: Clock): Moment => ({ now: clock.now(), monotonic: clock.monotonic() });

/** The monotonic clock in the place of the wall clock, for alarms that must ring whatever happens to the latter. */
export const steadyClock = (clock: Clock): Clock => ({
  now: () => clock.monotonic(),
  monotonic: () => clock.monotonic(),
});
