import type { AttemptMinute } from '../api/model.js';

/** One minute of a chart; what was given up failed too. */
export interface Bar {
  at: number;
  delivered: number;
  failed: number;
}

const minuteMs = 60_000;
const shown = 60;

/** The last sixty minutes, the current one last; minutes in which nothing was sent are there with nothing. */
export function barsOf(minutes: readonly AttemptMinute[], currentMinute: number): Bar[] {
  const found = new Map(minutes.map((one) => [Date.parse(one.minute), one]));
  return Array.from({ length: shown }, (_, index) => {
    const at = currentMinute - (shown - 1 - index) * minuteMs;
    const one = found.get(at);
    return { at, delivered: one?.delivered ?? 0, failed: (one?.failed ?? 0) + (one?.dead ?? 0) };
  });
}

export function peakOf(bars: readonly Bar[]): number {
  return Math.max(0, ...bars.map(({ delivered, failed }) => delivered + failed));
}
