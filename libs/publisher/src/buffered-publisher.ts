import { performance } from 'node:perf_hooks';
import { Dispatcher, type Clock } from './dispatcher.js';
import { EventBuffer } from './event-buffer.js';
import { currentHops } from './hop-count.js';
import { outgoingEvent, type EventOptions, type EventOrigin, type OutgoingEvent } from './outgoing-event.js';
import { aborted, PendingPublish, type Failure, type PublishedEvent } from './pending-publish.js';
import { outboxOf, type Outbox } from './outbox-writer.js';
import type { BatchEvent, BatchOptions, Publisher, PublishOptions } from './publisher.js';
import type { PublisherSettings, TraceContext } from './settings.js';
import type { SqlTransaction } from '@hookcast/protocol/sql-transaction';
import { SpoolRelay } from './spool-relay.js';
import { startTimer } from './timer.js';
import { Transport } from './transport.js';

const clock: Clock = { now: () => Date.now(), elapsed: () => performance.now() };

/** Holds events in memory until the broker has answered, or the spool has them. */
export class BufferedPublisher implements Publisher {
  private readonly transport: Transport;
  private readonly buffer: EventBuffer;
  private readonly spool: SpoolRelay | undefined;
  private isClosed = false;
  /** Calls on their way into the spool that were never in the buffer. */
  private readonly spooling = new Set<PendingPublish>();
  private readonly onSettled = (settled: PendingPublish) => {
    this.spooling.delete(settled);
    this.buffer.release(settled);
  };

  constructor(private readonly settings: PublisherSettings) {
    this.transport = new Transport(settings);
    const { transport } = this;
    const { spool } = settings;
    this.spool = spool && new SpoolRelay({ settings, spool, transport, clock });
    const onUnavailable = () => this.spill();
    const dispatcher = new Dispatcher({ settings, transport, clock, random: Math.random, onUnavailable });
    this.buffer = new EventBuffer(settings.buffer, (call) => dispatcher.add(call));
  }

  get buffered(): { events: number; bytes: number } {
    return { events: this.buffer.events, bytes: this.buffer.bytes };
  }

  get spooled(): { events: number; bytes: number } {
    return this.spool?.waiting ?? { events: 0, bytes: 0 };
  }

  async publish(topic: string, data?: unknown, options: PublishOptions = {}): Promise<PublishedEvent> {
    const event = outgoingEvent(topic, data, this.traced(options), this.origin());
    // Not awaited here: the data would be kept until the event is stored.
    return this.submit([event], options.signal, onlyOne);
  }

  async publishBatch(
    topic: string,
    events: readonly BatchEvent[],
    { signal }: BatchOptions = {},
  ): Promise<PublishedEvent[]> {
    if (events.length === 0) return [];
    const origin = this.origin();
    return this.submit(
      events.map(({ data, ...options }) => outgoingEvent(topic, data, this.traced(options), origin)),
      signal,
      (published) => published,
    );
  }

  outbox(transaction: SqlTransaction): Outbox {
    return outboxOf(transaction, this.settings.outbox, (topic, { data, ...options }) =>
      outgoingEvent(topic, data, this.traced(options), this.origin()),
    );
  }

  async flush(): Promise<void> {
    await Promise.all([...this.spooling, ...this.buffer.unsettled()].map((call) => call.settled()));
  }

  async close({ timeoutMs = this.settings.timeoutMs }: { timeoutMs?: number | undefined } = {}): Promise<void> {
    this.isClosed = true;
    const timer = startTimer(() => this.abandon(), timeoutMs);
    await this.flush();
    clearTimeout(timer);
    try {
      await this.spool?.close();
    } finally {
      this.transport.close();
    }
  }

  private origin(): EventOrigin {
    return { source: this.settings.source, now: clock.now(), hops: currentHops() };
  }

  private traced<T extends EventOptions>(options: T): T {
    if (this.settings.trace === undefined || options.traceparent !== undefined) return options;
    const trace = traceOf(this.settings.trace);
    return trace === undefined ? options : { ...options, ...trace };
  }

  /** The broker is away: everything that waits for it goes to the spool, in the order of the calls. */
  private spill(): boolean {
    this.spool?.take(this.buffer.unsettled());
    return this.spool !== undefined;
  }

  private abandon(): void {
    if (this.spill()) return;
    for (const call of this.buffer.unsettled()) call.fail(closed);
  }

  private async submit<T>(
    events: readonly OutgoingEvent[],
    signal: AbortSignal | undefined,
    resultOf: (published: PublishedEvent[]) => T,
  ): Promise<T> {
    const { spool } = this;
    const { timeoutMs, spool: spoolSettings } = this.settings;
    const slow = spoolSettings && { afterMs: spoolSettings.afterMs, act: () => void this.spill() };
    return new Promise((resolve, reject) => {
      const options = {
        timeoutMs,
        slow,
        signal,
        resolve: (published: PublishedEvent[]) => resolve(resultOf(published)),
        reject,
        onSettled: this.onSettled,
      };
      const call = new PendingPublish(events, clock.elapsed() + timeoutMs, options);
      const refusal = this.refusalOf(call, signal);
      if (refusal !== undefined) call.fail(refusal);
      else if (spool?.isNeededFor(events[0]?.topic ?? '')) this.spoolBehind([], call);
      else if (!this.buffer.offer(call)) this.overflow(call);
    });
  }

  private overflow(call: PendingPublish): void {
    if (this.spool === undefined) call.fail(bufferFull);
    // Those before it first: the spool keeps the order in which it is given events.
    else this.spoolBehind(this.buffer.unsettled(), call);
  }

  private spoolBehind(before: readonly PendingPublish[], call: PendingPublish): void {
    this.spooling.add(call);
    this.spool?.take([...before, call]);
  }

  private refusalOf({ events, bytes }: PendingPublish, signal: AbortSignal | undefined): Failure | undefined {
    if (this.isClosed) return closed;
    if (signal?.aborted) return aborted(signal);
    const { maxEvents, maxBytes } = this.settings.batch;
    if (events.length <= maxEvents && bytes + events.length < maxBytes) return undefined;
    return { reason: 'too-large', message: `One request holds at most ${maxEvents} events and ${maxBytes} bytes.` };
  }
}

function onlyOne([published]: readonly PublishedEvent[]): PublishedEvent {
  if (published === undefined) throw new Error('A publish was settled without its event');
  return published;
}

function traceOf(trace: NonNullable<PublisherSettings['trace']>): TraceContext | undefined {
  try {
    return trace();
  } catch {
    // Somebody else's tracing must not stop events.
    return undefined;
  }
}

const closed: Failure = { reason: 'closed', message: 'The publisher is closed.' };
const bufferFull: Failure = { reason: 'buffer-full', message: 'Too many events wait to be sent.' };
