import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Dispatcher, type Clock } from './dispatcher.js';
import type { OutgoingEvent } from './outgoing-event.js';
import { PendingPublish, type Failure, type PublishedEvent } from './pending-publish.js';
import { PublishError } from './publish-error.js';
import { retryDelayMs } from './retry-delay.js';
import type { PublisherSettings, SpoolSettings } from './settings.js';
import { Spool } from './spool.js';
import type { Transport } from './transport.js';

export interface SpoolRelayOptions {
  settings: PublisherSettings;
  spool: SpoolSettings;
  transport: Transport;
  clock: Clock;
}

/** Longest wait between two tries of a broker that does not know our key: somebody has to come and mend that. */
const refusedPacing = { baseMs: 1_000, maxMs: 60_000 };

/** Puts calls into the spool while the broker is away, and publishes them from there, in order, when it is back. */
export class SpoolRelay {
  private readonly spool: Spool;
  private readonly dispatcher: Dispatcher;
  /** Calls from the spool that are on their way. */
  private readonly sending = new Set<PendingPublish>();
  private running: Promise<void> | undefined;
  private writing: Promise<void> = Promise.resolve();
  private readonly stop = new AbortController();

  constructor(private readonly options: SpoolRelayOptions) {
    const { settings, spool, transport, clock } = options;
    this.spool = new Spool(spool);
    // One request of a topic at a time keeps the order of the spool for events without a key, too.
    const inOrder = { ...settings, maxRequestsPerTopic: 1, maxAttempts: Infinity };
    this.dispatcher = new Dispatcher({ settings: inOrder, transport, clock, random: Math.random });
    if (this.spool.damaged.length > 0) notify(() => settings.hooks.onDamaged?.(this.spool.damaged));
    this.wake();
  }

  /** While anything is spooled, everything that follows must queue up behind it. */
  get isNeeded(): boolean {
    return !this.spool.isEmpty;
  }

  get waiting(): { events: number; bytes: number } {
    return { events: this.spool.events, bytes: this.spool.bytes };
  }

  /** Takes calls over, in the order given. Each is settled once it is written. */
  take(calls: readonly PendingPublish[]): void {
    for (const call of calls) {
      if (!call.isWanted) continue;
      call.leave();
      const written = this.spool.append(call.events);
      if (written === undefined) call.fail(spoolFull);
      else this.writing = this.settleWhen(written, call);
    }
    this.report();
    this.wake();
  }

  /** Ends the publishing, writes what is queued and gives the directory back. What is spooled waits for the next start. */
  async close(): Promise<void> {
    this.stop.abort();
    for (const call of this.sending) call.fail(closed);
    await this.running;
    await this.writing;
    await this.spool.close();
  }

  private async settleWhen(written: Promise<void>, call: PendingPublish): Promise<void> {
    try {
      await written;
      call.succeed(call.events.map(({ id, topic }) => spooled(id, topic)));
    } catch (cause) {
      call.fail({ reason: 'spool-failed', message: 'The spool could not be written.', cause });
    }
  }

  private wake(): void {
    if (this.running !== undefined || this.stop.signal.aborted || this.spool.isEmpty) return;
    this.running = this.run().finally(() => {
      this.running = undefined;
      this.wake();
    });
  }

  private async run(): Promise<void> {
    let failures = 0;
    while (!this.spool.isEmpty && !this.stop.signal.aborted) {
      failures = (await this.tryNext()) ? 0 : failures + 1;
      if (failures > 0) await this.pause(retryDelayMs(failures, refusedPacing, Math.random()));
    }
  }

  private async tryNext(): Promise<boolean> {
    try {
      return await this.publishNext();
    } catch (error) {
      notify(() => this.options.settings.hooks.onSpoolError?.(error));
      return false;
    }
  }

  /** Publishes the oldest calls and forgets them. False when they must be tried again as they are. */
  private async publishNext(): Promise<boolean> {
    await this.writing;
    const { calls, end } = await this.spool.read(this.options.settings.batch);
    if (calls.length === 0) throw new Error(`${this.spool.events} spooled events cannot be found on disk.`);
    const results = await Promise.all(calls.map(async (events) => this.publish(events)));
    const errors = results.filter((result) => result !== undefined);
    if (errors.some(({ reason }) => isOurOwnFault(reason))) return false;
    for (const [index, error] of results.entries()) if (error) await this.reject(calls[index] ?? [], error);
    const events = calls.reduce((sum, call) => sum + call.length, 0);
    await this.spool.acknowledge(end, events);
    this.report();
    return true;
  }

  /** What the broker had against the call; undefined when it took it. */
  private async publish(events: readonly OutgoingEvent[]): Promise<PublishError | undefined> {
    return new Promise((resolve) => {
      const call: PendingPublish = new PendingPublish(events, Infinity, {
        timeoutMs: Infinity,
        signal: undefined,
        resolve: () => resolve(undefined),
        reject: resolve,
        onSettled: () => this.sending.delete(call),
      });
      this.sending.add(call);
      if (this.stop.signal.aborted) call.fail(closed);
      else this.dispatcher.add(call);
    });
  }

  /** Nobody waits for it any more, so it is written down where somebody will find it. */
  private async reject(events: readonly OutgoingEvent[], error: PublishError): Promise<void> {
    const { reason, code, message, status } = error;
    const lines = events.map(({ topic, id, key, body }) =>
      JSON.stringify({ topic, id, key, reason, code, message, status, event: body.toString('utf8') }),
    );
    await appendFile(join(this.options.spool.directory, 'rejected.jsonl'), `${lines.join('\n')}\n`);
    for (const { topic, id } of events) {
      notify(() => this.options.settings.hooks.onRejected?.({ topic, id, error }));
    }
  }

  private report(): void {
    notify(() => this.options.settings.hooks.onSpool?.(this.waiting));
  }

  private async pause(ms: number): Promise<void> {
    if (this.stop.signal.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms).unref();
      this.stop.signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
    });
  }
}

const spooled = (id: string, topic: string): PublishedEvent => ({
  id,
  topic,
  position: undefined,
  duplicate: false,
  spooled: true,
});

/** A key that is wrong or gone says nothing about the event, and closing says nothing at all. */
const isOurOwnFault = (reason: PublishError['reason']): boolean => reason === 'unauthorized' || reason === 'closed';

const closed: Failure = { reason: 'closed', message: 'The publisher is closed.' };
const spoolFull: Failure = { reason: 'spool-full', message: 'The broker is away and the spool is full.' };

function notify(call: () => void): void {
  try {
    call();
  } catch {
    // Somebody else's metrics must not stop events.
  }
}
