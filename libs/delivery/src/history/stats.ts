/** Upper bounds in milliseconds of the histogram's buckets; one more bucket holds everything slower. */
export const durationBounds: readonly number[] = [
  1, 2, 3, 5, 8, 12, 20, 30, 50, 80, 120, 200, 300, 500, 800, 1200, 2000, 3000, 5000, 8000, 12_000, 20_000, 30_000,
  60_000,
];

export const durationBuckets = durationBounds.length + 1;

export function durationBucket(durationMs: number): number {
  let low = 0;
  let high: number = durationBounds.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((durationBounds[middle] ?? 0) < durationMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The duration in milliseconds that a share of all attempts stayed within, read off a histogram by linear interpolation
 * inside the bucket; null when nothing was counted.
 */
export function durationPercentile(counts: readonly number[], share: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  const rank = share * total;
  let below = 0;
  for (const [bucket, count] of counts.entries()) {
    if (count > 0 && below + count >= rank) return within(bucket, (rank - below) / count);
    below += count;
  }
  return durationBounds[durationBounds.length - 1] ?? null;
}

function within(bucket: number, share: number): number {
  const from = bucket === 0 ? 0 : (durationBounds[bucket - 1] ?? 0);
  const to = durationBounds[bucket] ?? from;
  return Math.round((from + (to - from) * share) * 10) / 10;
}

/** What one subscription's attempts came to within one minute. */
export class MinuteStats {
  delivered = 0;
  failed = 0;
  dead = 0;
  /** Events on which the filter failed, which is no match. */
  filterErrors = 0;
  readonly durations: number[] = Array.from({ length: durationBuckets }, () => 0);

  constructor(
    readonly subscriptionId: number,
    /** Start of the minute, unix milliseconds. */
    readonly minute: number,
  ) {}

  count(outcome: 'delivered' | 'failed' | 'dead', durationMs: number): void {
    this[outcome] += 1;
    const bucket = durationBucket(durationMs);
    this.durations[bucket] = (this.durations[bucket] ?? 0) + 1;
  }
}
