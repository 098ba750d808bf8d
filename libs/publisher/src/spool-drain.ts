import type { BatchLimits } from './batch-draft.js';
import type { OutgoingEvent } from './outgoing-event.js';
import { retryDelayMs } from './retry-delay.js';
import type { SpoolPosition } from './spool-segments.js';
import type { Spool } from './spool.js';
import { pause } from './timer.js';

export interface SpoolDrainOptions {
  spool: Spool;
  /** Of what is published at a time. */
  limits: BatchLimits;
  /** False, or an error, when the calls must be published again as they are. */
  publish: (calls: readonly OutgoingEvent[][]) => Promise<boolean>;
  onError: (error: unknown) => void;
  /** Something has left the spool. */
  onProgress: () => void;
}

/** Longest wait between two tries of a broker that does not know our key: somebody has to come and mend that. */
const refusedPacing = { baseMs: 1_000, maxMs: 60_000 };

/** Publishes what is in a spool, oldest first, for as long as there is something. */
export class SpoolDrain {
  private running: Promise<void> | undefined;
  private readonly stop = new AbortController();

  constructor(private readonly options: SpoolDrainOptions) {}

  /** Starts it if there is something to publish. */
  wake(): void {
    if (this.running !== undefined || this.stop.signal.aborted || this.options.spool.isEmpty) return;
    this.running = this.run().finally(() => {
      this.running = undefined;
      this.wake();
    });
  }

  /** Begins nothing more; resolves once what is under way has ended. */
  async end(): Promise<void> {
    this.stop.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { spool } = this.options;
    let failures = 0;
    while (!spool.isEmpty && !this.stop.signal.aborted) {
      failures = (await this.tryNext()) ? 0 : failures + 1;
      if (failures > 0) await pause(retryDelayMs(failures, refusedPacing, Math.random()), this.stop.signal);
    }
  }

  private async tryNext(): Promise<boolean> {
    try {
      return await this.publishNext();
    } catch (error) {
      this.options.onError(error);
      return false;
    }
  }

  /** Publishes the oldest calls and forgets them. False when they must be tried again as they are. */
  private async publishNext(): Promise<boolean> {
    const { spool, limits, publish, onProgress } = this.options;
    const { calls, end } = await spool.read(limits);
    if (calls.length === 0) throw new Error(`${spool.events} spooled events cannot be found on disk.`);
    if (!(await publish(calls))) return false;
    const events = calls.reduce((sum, call) => sum + call.length, 0);
    await this.acknowledge(end, events);
    onProgress();
    return true;
  }

  /** A position that cannot be written holds nothing up: it costs repeated publishes, and only if the process ends now. */
  private async acknowledge(end: SpoolPosition, events: number): Promise<void> {
    try {
      await this.options.spool.acknowledge(end, events);
    } catch (error) {
      this.options.onError(error);
    }
  }
}
