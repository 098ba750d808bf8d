import { dayMs, dayOf, startOf, type Day } from './day.js';

/**
 * What becomes of a day that is over for long enough while a subscription has not settled it yet:
 * - expire: it goes, and what goes with it is counted and noted
 * - hold: it stays, as long as all the days that stay so are not larger than `maxBytes` together
 */
export type RetentionPolicy = { kind: 'expire' } | { kind: 'hold'; maxBytes: number };

/** A day of events that is due to go. */
export interface DueDay {
  name: string;
  /** Some subscription still has to deliver from it. */
  isNeeded: boolean;
  /** On disk, indexes included. */
  bytes: number;
}

/** Which of the due days, given oldest first, stay for now: the youngest ones that fit. Pure. */
export function heldDays(due: readonly DueDay[], policy: RetentionPolicy): DueDay[] {
  if (policy.kind === 'expire') return [];
  const held: DueDay[] = [];
  let bytes = 0;
  for (const day of due.filter(({ isNeeded }) => isNeeded).toReversed()) {
    bytes += day.bytes;
    // What is older than a day that went is no use any more to whoever reads in order.
    if (bytes > policy.maxBytes) break;
    held.unshift(day);
  }
  return held;
}

/** The longest retention, in days, that a day has outlived: topics that keep events no longer lose theirs of that day. */
export function outlivedRetention(day: Day, now: Date): number {
  return (startOf(dayOf(now)).getTime() - startOf(day).getTime()) / dayMs - 1;
}
