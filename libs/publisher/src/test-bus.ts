import { isDeepStrictEqual } from 'node:util';
import {
  compilePattern,
  generateSecret,
  isJsonContentType,
  parseStructured,
  type CloudEvent,
} from '@hookcast/protocol';
import { currentHops } from './hop-count.js';
import { outgoingEvent, type EventOptions } from './outgoing-event.js';
import type { Outbox } from './outbox-writer.js';
import type { PublishedEvent } from './pending-publish.js';
import { PublishError } from './publish-error.js';
import type { BatchEvent, Publisher } from './publisher.js';
import { signedRequest, type SignedRequestOptions } from './signed-request.js';
import { LocalDeliveries } from './local-deliveries.js';
import {
  openConnection,
  send,
  type Connection,
  type HookReply,
  type OpenConnection,
  type TestHook,
} from './test-hook.js';

export interface TestBusOptions {
  /** `whsec_…`, to verify deliveries with. @default a new one, in `secret` */
  secret?: string | undefined;
  /** @default 'urn:hookcast:publisher' */
  source?: string | undefined;
  /** The waits before the second, third … attempt, in ms; after the last one a delivery is dead. @default [50, 200, 1_000] */
  retryMs?: readonly number[] | undefined;
}

/** An event that was published. */
export interface RecordedEvent {
  topic: string;
  id: string;
  /** The value of JSON data, the bytes of other data. */
  data: unknown;
  /** With all attributes and the exact bytes. */
  event: CloudEvent;
}

/** A delivery of the bus in this process that was given up. */
export interface DeadDelivery extends RecordedEvent {
  subscription: string | undefined;
  attempts: number;
  /** Of the last answer; undefined when the hook did not answer. */
  status: number | undefined;
}

export type DeliverOptions = EventOptions &
  Pick<SignedRequestOptions, 'subscription' | 'attempt' | 'format' | 'at'> & {
    /** Another one than the bus has, for a test of what is refused. */
    secret?: string | undefined;
  };

export interface WaitOptions {
  where?: ((event: RecordedEvent) => boolean) | undefined;
  /** @default 2_000 */
  timeoutMs?: number | undefined;
}

/** A publisher without a broker, which keeps what is published and delivers it within the process. */
export interface TestBus extends Publisher {
  /** What the receiver under test has to verify with. */
  readonly secret: string;
  /** What was published, in order; only what matches the pattern when there is one. */
  published(pattern?: string): RecordedEvent[];
  /** Resolves with the first event that matches, also one from before. Rejects when time is up, and says what there was. */
  waitFor(pattern: string, options?: WaitOptions): Promise<RecordedEvent>;
  /** Delivers one event, signed as the broker signs, and says what the hook answered. It does not count as published. */
  deliver(hook: TestHook, topic: string, data?: unknown, options?: DeliverOptions): Promise<HookReply>;
  /** From now on what is published is delivered to the hook, and again while it fails. */
  connect(connection: Connection): void;
  /** Resolves once every delivery has ended, those of events that handlers published too. */
  settled(): Promise<void>;
  /** Deliveries that were given up. */
  dead(): DeadDelivery[];
  /** Forgets what was published and what is dead. */
  clear(): void;
}

/**
 * Creates a bus for tests and for local development without a broker.
 *
 * @example
 * const bus = createTestBus();
 * const receiver = createReceiver({ secrets: [bus.secret], on: { 'orders.created': bill } });
 * expect(await bus.deliver(receiver, 'orders.created', { orderId: '7' })).toMatchObject({ verdict: 'ok' });
 */
export function createTestBus(options: TestBusOptions = {}): TestBus {
  return new InProcessBus(options);
}

class InProcessBus implements TestBus {
  readonly buffered = { events: 0, bytes: 0 };
  readonly spooled = { events: 0, bytes: 0 };
  readonly secret: string;
  private readonly source: string;
  private readonly deliveries: LocalDeliveries;
  private readonly connections: OpenConnection[] = [];
  private readonly watchers = new Set<(event: RecordedEvent) => void>();
  private recorded: RecordedEvent[] = [];
  private isClosed = false;

  constructor({
    secret = generateSecret(),
    source = 'urn:hookcast:publisher',
    retryMs = [50, 200, 1_000],
  }: TestBusOptions) {
    this.secret = secret;
    this.source = source;
    this.deliveries = new LocalDeliveries(secret, retryMs);
  }

  async publish(topic: string, data?: unknown, options: EventOptions = {}): Promise<PublishedEvent> {
    if (this.isClosed) throw new PublishError('closed', 'The publisher is closed.');
    return this.store(this.eventOf(topic, data, options));
  }

  async publishBatch(topic: string, events: readonly BatchEvent[]): Promise<PublishedEvent[]> {
    if (this.isClosed) throw new PublishError('closed', 'The publisher is closed.');
    // All of them or none: what makes no event is told before anything is stored.
    const made = events.map(({ data, ...options }) => this.eventOf(topic, data, options));
    for (const one of made) this.checkConflict(one);
    return made.map((one) => this.store(one));
  }

  /** Publishes at once: a test bus has no part in the transaction, and none of its ends undoes it. */
  outbox(): Outbox {
    return {
      publish: async (topic, data, options) => this.publish(topic, data, options),
      publishBatch: async (topic, events) => this.publishBatch(topic, events),
    };
  }

  async flush(): Promise<void> {}

  async close(): Promise<void> {
    this.isClosed = true;
    await this.deliveries.stop();
  }

  published(pattern = '**'): RecordedEvent[] {
    const matches = compilePattern(pattern);
    return this.recorded.filter(({ topic }) => matches(topic));
  }

  async waitFor(pattern: string, { where = () => true, timeoutMs = 2_000 }: WaitOptions = {}): Promise<RecordedEvent> {
    const matches = compilePattern(pattern);
    const isWanted = (event: RecordedEvent) => matches(event.topic) && where(event);
    const known = this.recorded.find(isWanted);
    if (known !== undefined) return known;
    return new Promise((resolve, reject) => {
      const end = () => {
        this.watchers.delete(watch);
        clearTimeout(timer);
      };
      const watch = (event: RecordedEvent) => {
        if (!isWanted(event)) return;
        end();
        resolve(event);
      };
      const timer = setTimeout(() => {
        end();
        const topics = this.recorded.map(({ topic }) => topic).join(', ') || 'nothing';
        reject(new Error(`No such event of ${pattern} within ${timeoutMs} ms; published was: ${topics}`));
      }, timeoutMs);
      this.watchers.add(watch);
    });
  }

  async deliver(hook: TestHook, topic: string, data?: unknown, options: DeliverOptions = {}): Promise<HookReply> {
    const { subscription, attempt, format, at, secret = this.secret, ...attributes } = options;
    const { event } = this.eventOf(topic, data, attributes);
    return send(hook, signedRequest(event, { secret, topic, subscription, attempt, format, at }));
  }

  connect(connection: Connection): void {
    this.connections.push(openConnection(connection));
  }

  async settled(): Promise<void> {
    await this.deliveries.settled();
  }

  dead(): DeadDelivery[] {
    return this.deliveries.dead();
  }

  clear(): void {
    this.recorded = [];
    this.deliveries.clear();
  }

  private eventOf(topic: string, data: unknown, options: EventOptions): RecordedEvent {
    const { body, id } = outgoingEvent(topic, data, options, {
      source: this.source,
      now: Date.now(),
      hops: currentHops(),
    });
    const parsed = parseStructured(body);
    if (parsed.kind === 'malformed') {
      const faults = parsed.errors.map(({ pointer, detail }) => `${pointer} ${detail}`).join('; ');
      throw new PublishError('refused', `The broker would refuse the event: ${faults}.`, { eventId: id });
    }
    return { topic, id, data: valueOf(parsed.value), event: parsed.value };
  }

  private store(event: RecordedEvent): PublishedEvent {
    const { topic, id } = event;
    const before = this.checkConflict(event);
    if (before === undefined) {
      this.recorded.push(event);
      for (const watch of this.watchers) watch(event);
      for (const one of this.connections.filter(({ matches }) => matches(topic))) this.deliveries.add(event, one);
    }
    const seq = this.recorded.indexOf(before ?? event) + 1;
    return { id, topic, position: `1:${seq}`, duplicate: before !== undefined };
  }

  /** The event that has this id already. @throws {PublishError} `conflict` when it is another one */
  private checkConflict({ id, event }: RecordedEvent): RecordedEvent | undefined {
    const before = this.recorded.find((one) => one.id === id);
    if (before === undefined || isDeepStrictEqual(before.event, event)) return before;
    throw new PublishError('conflict', `Another event has the id ${id}.`, { status: 409, eventId: id });
  }
}

function valueOf({ data, datacontenttype }: CloudEvent): unknown {
  return data !== undefined && isJsonContentType(datacontenttype) ? JSON.parse(data.toString('utf8')) : data;
}
