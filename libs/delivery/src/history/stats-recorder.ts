import type { ReportedOutcome } from '../outcome/attempt-report.js';
import { MinuteStats } from './stats.js';

const minuteMs = 60_000;
/** Minutes kept while the database does not take them; older ones are given up, since they are only figures. */
const keptMs = 10 * minuteMs;

/** Counts attempts by subscription and minute, and writes what has changed from time to time. */
export class StatsRecorder {
  private readonly current = new Map<number, MinuteStats>();
  private changed = new Set<MinuteStats>();

  constructor(private readonly write: (minutes: readonly MinuteStats[]) => Promise<void>) {}

  count(attempt: { subscriptionId: number; outcome: ReportedOutcome['kind']; durationMs: number; now: number }): void {
    const { subscriptionId, outcome, durationMs, now } = attempt;
    this.minuteOf(subscriptionId, now).count(
      outcome === 'delivered' || outcome === 'dropped' ? 'delivered' : outcome === 'dead' ? 'dead' : 'failed',
      durationMs,
    );
  }

  countFilterError(subscriptionId: number, now: number): void {
    this.minuteOf(subscriptionId, now).filterErrors += 1;
  }

  /** It is about to change. */
  private minuteOf(subscriptionId: number, now: number): MinuteStats {
    const minute = now - (now % minuteMs);
    let stats = this.current.get(subscriptionId);
    if (stats?.minute !== minute) {
      stats = new MinuteStats(subscriptionId, minute);
      this.current.set(subscriptionId, stats);
    }
    this.changed.add(stats);
    return stats;
  }

  async runOnce(now: number): Promise<{ written: number }> {
    const minutes = [...this.changed].filter(({ minute }) => minute > now - keptMs);
    if (minutes.length === 0) return { written: 0 };
    this.changed = new Set();
    try {
      await this.write(minutes);
    } catch (error) {
      for (const stats of minutes) this.changed.add(stats);
      throw error;
    }
    for (const [subscriptionId, { minute }] of this.current)
      if (minute <= now - keptMs) this.current.delete(subscriptionId);
    return { written: minutes.length };
  }
}
