import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from './dispatcher.js';
import { Fifo } from './fifo.js';
import { HeldTopics, type HeldTopicsOptions } from './held-topics.js';
import type { OutgoingEvent } from './outgoing-event.js';
import type { Failure, PendingPublish, PublishedEvent } from './pending-publish.js';
import { isOutOfScope, isRefusal, type PublishError } from './publish-error.js';
import type { PublisherSettings, SpoolSettings } from './settings.js';
import { SpoolDrain } from './spool-drain.js';
import { SpoolPace } from './spool-pace.js';
import { SpoolSender, topicOf } from './spool-sender.js';
import { Spool } from './spool.js';
import { tell } from './tell.js';
import type { Transport } from './transport.js';

export interface SpoolRelayOptions {
  settings: PublisherSettings;
  spool: SpoolSettings;
  transport: Transport;
  clock: Clock;
}

/** Calls that go into the spool in one turn of the event loop. */
const atOnce = 500;

/** Puts calls into the spool while the broker is away, and publishes them from there, in order, when it is back. */
export class SpoolRelay {
  private readonly spool: Spool;
  private readonly drain: SpoolDrain;
  private readonly held: HeldTopics;
  private readonly sender: SpoolSender;
  /** Calls that were taken over and are not in the spool yet. */
  private readonly intake = new Fifo<PendingPublish>();
  private isTakingIn = false;
  /** The broker answers, but later than a call waits for it. Nothing is sent past the spool until it is quicker. */
  private isBrokerSlow: boolean;

  constructor(private readonly options: SpoolRelayOptions) {
    const { settings, spool, transport, clock } = options;
    this.isBrokerSlow = spool.afterMs === 0;
    const pace = new SpoolPace(settings.batch);
    const onDecided = (durationMs: number) => {
      this.isBrokerSlow = durationMs >= spool.afterMs;
      pace.note(durationMs);
    };
    this.sender = new SpoolSender({ settings, transport, clock, random: Math.random, onDecided });
    this.spool = new Spool(spool);
    const drain = { limits: pace.limits, onError: this.onError, onProgress: () => this.report() };
    this.drain = new SpoolDrain({ ...drain, spool: this.spool, publish: async (calls) => this.publishMain(calls) });
    this.held = this.openHeld({ ...drain, spool, publish: async (calls) => this.publishHeld(calls) });
    const damaged = [...this.spool.damaged, ...this.held.damaged];
    if (damaged.length > 0) tell(() => settings.hooks.onDamaged?.(damaged));
    this.held.wake();
    this.drain.wake();
  }

  /** While anything is spooled, everything that follows must queue up behind it; a slow broker is not asked first. */
  isNeededFor(topic: string): boolean {
    return this.isBrokerSlow || this.intake.length > 0 || !this.spool.isEmpty || this.held.has(topic);
  }

  get waiting(): { events: number; bytes: number } {
    return { events: this.spool.events + this.held.events, bytes: this.spool.bytes + this.held.bytes };
  }

  /** Takes calls over, in the order given. Each is settled once it is written. */
  take(calls: readonly PendingPublish[]): void {
    for (const call of calls) {
      if (!call.isWanted) continue;
      // All at once, although they are written in turns: none may be sent any more, ahead of those before it.
      call.leave();
      this.intake.push(call);
    }
    if (!this.isTakingIn) this.takeIn();
  }

  /** A few at a time: all that waited for the broker may be tens of thousands, and the service has other things to do. */
  private takeIn(): void {
    for (let count = 0; count < atOnce && this.intake.length > 0; count += 1) {
      const call = this.intake.shift();
      if (call === undefined || call.isSettled) continue;
      if (!this.append(call)) call.fail(spoolFull);
    }
    this.isTakingIn = this.intake.length > 0;
    if (this.isTakingIn) setImmediate(() => this.takeIn());
    this.report();
    this.drain.wake();
  }

  /** False when there is no room for it. What belongs behind held events goes there at once, if nothing stands between. */
  private append(call: PendingPublish): boolean {
    const onEnd = (error: unknown) => settle(call, error);
    const isHeld = this.held.has(topicOf(call.events));
    // A topic that nobody mends must leave room for the others when the broker is away.
    if (isHeld && this.held.bytes > this.options.spool.maxBytes / 2) return false;
    if (!isHeld || !this.spool.isEmpty) return this.spool.append(call.events, onEnd, this.held.bytes);
    this.held.append(call.events, onEnd);
    return true;
  }

  /** Ends the publishing, writes what is queued and gives the directory back. What is spooled waits for the next start. */
  async close(): Promise<void> {
    this.sender.close();
    await this.drain.end();
    await this.held.close();
    await this.spool.close();
  }

  /** A directory that cannot be read is given back, as by {@link Spool}. */
  private openHeld(options: HeldTopicsOptions): HeldTopics {
    try {
      return new HeldTopics(options);
    } catch (error) {
      void this.spool.close();
      throw error;
    }
  }

  /** Publishes calls, and takes those out of the way whose topic the key may not publish to. */
  private async publishMain(calls: readonly OutgoingEvent[][]): Promise<boolean> {
    const outcomes = await Promise.all(
      calls.map(async (events) => {
        if (this.held.has(topicOf(events))) return { events, isHeld: true };
        const error = await this.sender.send(events);
        return { events, error, isHeld: error !== undefined && isOutOfScope(error) };
      }),
    );
    if (this.mustWait(outcomes.filter(({ isHeld }) => !isHeld).map(({ error }) => error))) return false;
    const held = outcomes.filter(({ isHeld }) => isHeld);
    await this.held.hold(held.map(({ events }) => events));
    const refused = held.find(({ error }) => error !== undefined)?.error;
    if (refused !== undefined) this.onError(refused);
    for (const { events, error, isHeld } of outcomes) if (error && !isHeld) await this.reject(events, error);
    return true;
  }

  private async publishHeld(calls: readonly OutgoingEvent[][]): Promise<boolean> {
    const errors = await Promise.all(calls.map(async (events) => this.sender.send(events)));
    if (this.mustWait(errors)) return false;
    for (const [index, error] of errors.entries()) if (error) await this.reject(calls[index] ?? [], error);
    return true;
  }

  /** True when the broker has not decided about some events: they stay, and the first reason is told. */
  private mustWait(errors: readonly (PublishError | undefined)[]): boolean {
    const undecided = errors.find((error) => error !== undefined && !isRefusal(error));
    if (undecided !== undefined && undecided.reason !== 'closed') this.onError(undecided);
    return undecided !== undefined;
  }

  /** Nobody waits for it any more, so it is written down where somebody will find it. */
  private async reject(events: readonly OutgoingEvent[], error: PublishError): Promise<void> {
    const { reason, code, message, status } = error;
    const lines = events.map(({ topic, id, key, body }) =>
      JSON.stringify({ topic, id, key, reason, code, message, status, event: body.toString('utf8') }),
    );
    await appendFile(join(this.options.spool.directory, 'rejected.jsonl'), `${lines.join('\n')}\n`);
    for (const { topic, id } of events) {
      tell(() => this.options.settings.hooks.onRejected?.({ topic, id, error }));
    }
  }

  private report(): void {
    tell(() => this.options.settings.hooks.onSpool?.(this.waiting));
  }

  private readonly onError = (error: unknown): void => {
    tell(() => this.options.settings.hooks.onSpoolError?.(error));
  };
}

function settle(call: PendingPublish, error: unknown): void {
  if (error === undefined) call.succeed(call.events.map(({ id, topic }) => spooled(id, topic)));
  else call.fail({ reason: 'spool-failed', message: 'The spool could not be written.', cause: error });
}

const spooled = (id: string, topic: string): PublishedEvent => ({
  id,
  topic,
  position: undefined,
  duplicate: false,
  spooled: true,
});

const spoolFull: Failure = { reason: 'spool-full', message: 'The broker is away and the spool is full.' };
