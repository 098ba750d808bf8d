import { performance } from 'node:perf_hooks';
import { retryDelayMs } from './retry-delay.js';

/** A topic's wait between two tries: somebody has to come and give the key its scope. */
const pacing = { baseMs: 1_000, maxMs: 60_000 };

/** Topics of an outbox that the key may not publish to. They are left out of rounds for a while, so that others go on. */
export class HeldOutboxTopics {
  private readonly topics = new Map<string, { failures: number; until: number }>();

  /** Those that are not to be tried yet. */
  now(): string[] {
    const now = performance.now();
    return [...this.topics].filter(([, { until }]) => until > now).map(([topic]) => topic);
  }

  /** After each try. */
  note(topic: string, isOutOfScope: boolean): void {
    if (!isOutOfScope) {
      this.topics.delete(topic);
      return;
    }
    const failures = (this.topics.get(topic)?.failures ?? 0) + 1;
    this.topics.set(topic, { failures, until: performance.now() + retryDelayMs(failures, pacing, Math.random()) });
  }
}
