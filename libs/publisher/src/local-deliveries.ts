import { setTimeout as pause } from 'node:timers/promises';
import { signedRequest } from './signed-request.js';
import type { DeadDelivery, RecordedEvent } from './test-bus.js';
import { send, type HookReply, type OpenConnection } from './test-hook.js';

/** Delivers events within the process, each to each hook on its own, and again while a hook fails. */
export class LocalDeliveries {
  private readonly running = new Set<Promise<void>>();
  private readonly stopped = new AbortController();
  private given: DeadDelivery[] = [];

  constructor(
    private readonly secret: string,
    private readonly retryMs: readonly number[],
  ) {}

  add(event: RecordedEvent, connection: OpenConnection): void {
    // Not in the turn of the caller, whose publish() has not resolved yet.
    const delivery = Promise.resolve().then(async () => this.deliver(event, connection));
    this.running.add(delivery);
    void delivery.finally(() => this.running.delete(delivery));
  }

  async settled(): Promise<void> {
    while (this.running.size > 0) await Promise.all(this.running);
  }

  /** Ends the waiting for further attempts; what is under way is finished. */
  async stop(): Promise<void> {
    this.stopped.abort();
    await this.settled();
  }

  dead(): DeadDelivery[] {
    return [...this.given];
  }

  clear(): void {
    this.given = [];
  }

  private async deliver(event: RecordedEvent, { hook, subscription }: OpenConnection): Promise<void> {
    const { secret } = this;
    for (let attempt = 1; ; attempt += 1) {
      const request = signedRequest(event.event, { secret, topic: event.topic, subscription, attempt });
      const reply: Partial<HookReply> = await send(hook, request).catch(() => ({}));
      if (reply.verdict === 'ok' || reply.verdict === 'drop') return;
      const waitMs = reply.verdict === 'dead-letter' ? undefined : this.retryMs[attempt - 1];
      if (waitMs === undefined) {
        this.given.push({ ...event, subscription, attempts: attempt, status: reply.status });
        return;
      }
      if (!(await this.waited(waitMs))) return;
    }
  }

  /** False when the bus was closed first. */
  private async waited(waitMs: number): Promise<boolean> {
    return pause(waitMs, true, { signal: this.stopped.signal }).catch(() => false);
  }
}
