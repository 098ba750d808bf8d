interface Sample {
  at: number;
  heads: ReadonlyMap<number, number>;
}

/** Event rates from samples of the streams' heads. Pure: whoever owns it brings samples and the time. */
export class HeadRates {
  private samples: Sample[] = [];

  constructor(private readonly windowMs = 60_000) {}

  add(heads: ReadonlyMap<number, number>, now: number): void {
    this.samples = [...this.samples.filter(({ at }) => at >= now - this.windowMs), { at: now, heads }];
  }

  /** Events a second over the last minute, or since the first sample when that is younger. */
  rate(heads: ReadonlyMap<number, number>, now: number): number {
    const oldest = this.samples.find(({ at }) => at >= now - this.windowMs && at < now);
    if (!oldest) return 0;
    let events = 0;
    // A stream that is not in the sample is younger than it, so all its events count.
    for (const [streamId, head] of heads) events += head - (oldest.heads.get(streamId) ?? 0);
    return Math.round((events / Math.max(1, (now - oldest.at) / 1000)) * 100) / 100;
  }
}
