import { performance } from 'node:perf_hooks';
import { Dispatcher, type Clock } from './dispatcher.js';
import { EventBuffer } from './event-buffer.js';
import { currentHops } from './hop-count.js';
import { outgoingEvent, type EventOrigin, type EventOptions, type OutgoingEvent } from './outgoing-event.js';
import { aborted, PendingPublish, type Failure, type PublishedEvent } from './pending-publish.js';
import { publisherSettings, type PublisherOptions, type PublisherSettings } from './settings.js';
import { Transport } from './transport.js';

export interface PublishOptions extends EventOptions {
  /** Rejects the call with `aborted`. An event that is on its way already may be stored all the same. */
  signal?: AbortSignal | undefined;
}

export interface BatchEvent extends EventOptions {
  data?: unknown;
}

export interface BatchOptions {
  signal?: AbortSignal | undefined;
}

/** Publishes events to a Hookcast broker. Every method reports failures by rejecting with a `PublishError`. */
export interface Publisher {
  /**
   * Publishes one event; resolves once the broker has stored it durably.
   *
   * Calls made while requests are in flight share the next request, so publish concurrently (`Promise.all`) what need not
   * wait for each other. Events of one `key` are stored in the order of the calls.
   *
   * @param data any JSON value; bytes are taken as they are, and so is a string that comes with a `contentType`
   */
  publish(topic: string, data?: unknown, options?: PublishOptions): Promise<PublishedEvent>;
  /**
   * Publishes events of one topic in one request, all of them or none; at most 1,000 and 4 MiB. Results are in the order
   * of the events. They keep their own order, but none to other calls that are still unsettled.
   */
  publishBatch(topic: string, events: readonly BatchEvent[], options?: BatchOptions): Promise<PublishedEvent[]>;
  /** Resolves once every call made so far is settled. Never rejects: each call tells its own result. */
  flush(): Promise<void>;
  /**
   * Takes no more events and waits for those under way; what is not settled after `timeoutMs` is rejected with `closed`.
   *
   * @param options timeoutMs: @default the publisher's `timeoutMs`
   */
  close(options?: { timeoutMs?: number | undefined }): Promise<void>;
  /** What waits for its answer now. */
  readonly buffered: { readonly events: number; readonly bytes: number };
}

/**
 * Creates a publisher. It connects when the first event is published.
 *
 * @example
 * const bus = createPublisher({ url: 'https://bus.internal', apiKey, source: '/orders' });
 * await bus.publish('orders.created', { orderId: 42, total: 99.5 }, { key: 'customer-7' });
 *
 * @throws {TypeError} that names every option that is wrong
 */
export function createPublisher(options: PublisherOptions): Publisher {
  return new DirectPublisher(publisherSettings(options));
}

const clock: Clock = { now: () => Date.now(), elapsed: () => performance.now() };

/** Holds events in memory until the broker has answered. */
class DirectPublisher implements Publisher {
  private readonly transport: Transport;
  private readonly buffer: EventBuffer;
  private isClosed = false;

  constructor(private readonly settings: PublisherSettings) {
    this.transport = new Transport(settings);
    const dispatcher = new Dispatcher({ settings, transport: this.transport, clock, random: Math.random });
    this.buffer = new EventBuffer(settings.buffer, (call) => dispatcher.add(call));
  }

  get buffered(): { events: number; bytes: number } {
    return { events: this.buffer.events, bytes: this.buffer.bytes };
  }

  async publish(topic: string, data?: unknown, options: PublishOptions = {}): Promise<PublishedEvent> {
    const event = outgoingEvent(topic, data, options, this.origin());
    const [published] = await this.submit([event], options.signal);
    if (published === undefined) throw new Error('A publish was settled without its event');
    return published;
  }

  async publishBatch(
    topic: string,
    events: readonly BatchEvent[],
    { signal }: BatchOptions = {},
  ): Promise<PublishedEvent[]> {
    if (events.length === 0) return [];
    const origin = this.origin();
    return this.submit(
      events.map(({ data, ...options }) => outgoingEvent(topic, data, options, origin)),
      signal,
    );
  }

  async flush(): Promise<void> {
    await Promise.all(this.buffer.unsettled().map((call) => call.settled()));
  }

  async close({ timeoutMs = this.settings.timeoutMs }: { timeoutMs?: number | undefined } = {}): Promise<void> {
    this.isClosed = true;
    const timer = setTimeout(() => this.abandon(), timeoutMs);
    await this.flush();
    clearTimeout(timer);
    this.transport.close();
  }

  private origin(): EventOrigin {
    return { source: this.settings.source, now: clock.now(), hops: currentHops() };
  }

  private abandon(): void {
    for (const call of this.buffer.unsettled()) call.fail(closed);
  }

  private async submit(events: readonly OutgoingEvent[], signal: AbortSignal | undefined): Promise<PublishedEvent[]> {
    const { timeoutMs } = this.settings;
    return new Promise((resolve, reject) => {
      const onSettled = (settled: PendingPublish) => this.buffer.release(settled);
      const options = { timeoutMs, signal, resolve, reject, onSettled };
      const call = new PendingPublish(events, clock.elapsed() + timeoutMs, options);
      const refusal = this.refusalOf(call, signal);
      if (refusal !== undefined) call.fail(refusal);
      else if (!this.buffer.offer(call)) call.fail(bufferFull);
    });
  }

  private refusalOf({ events, bytes }: PendingPublish, signal: AbortSignal | undefined): Failure | undefined {
    if (this.isClosed) return closed;
    if (signal?.aborted) return aborted(signal);
    const { maxEvents, maxBytes } = this.settings.batch;
    if (events.length <= maxEvents && bytes + events.length < maxBytes) return undefined;
    return { reason: 'too-large', message: `One request holds at most ${maxEvents} events and ${maxBytes} bytes.` };
  }
}

const closed: Failure = { reason: 'closed', message: 'The publisher is closed.' };
const bufferFull: Failure = { reason: 'buffer-full', message: 'Too many events wait to be sent.' };
