import type { HookClient } from '@hookcast/egress';
import { AlarmClock } from './alarm-clock.js';
import { AttemptReport } from './attempt-report.js';
import { dropCancelled } from './cancelled-retries.js';
import type { Clock } from './clock.js';
import { Conditions } from './conditions.js';
import type { Delivery } from './delivery.js';
import type { DeliveryLog } from './delivery-log.js';
import type { DeliveryStores } from './delivery-stores.js';
import { Dispatcher } from './dispatcher.js';
import { FilterReport } from './filter-report.js';
import type { Feed } from './feed.js';
import type { OwnedStream, StreamCursor } from './owned-stream.js';
import { OrderOpener } from './order-opener.js';
import { Parking } from './parking.js';
import { RetryBook } from './retry-book.js';
import { RetryLoader } from './retry-loader.js';
import { RoundRobin } from './round-robin.js';
import type { Sender, WaitingRetry } from './sender.js';
import { SettleWriter } from './settle-writer.js';
import { Settler } from './settler.js';
import { StatsRecorder } from './stats-recorder.js';
import { StreamReader } from './stream-reader.js';
import { TokenSupply } from './token-supply.js';

export interface EngineOptions {
  stores: DeliveryStores;
  client: Pick<HookClient, 'post'>;
  lines: DeliveryLog;
  clock: Clock;
  random: () => number;
  workerId: string;
  slots: number;
  attemptLog: 'all' | 'failures';
  settleMs: number;
  maxUnsettled: number;
  suspendAfterMs: number;
  onFenced: (cursors: readonly StreamCursor[]) => void;
  onSuspended: (sender: Sender, reason: string) => void;
}

const batchResults = 200;
const maxReads = 4;
const maxSharedEvents = 1_024;
/** Bytes that the shared feeds of all streams may hold together for subscriptions that lag; each gets at least a little. */
const sharedBudget = 64 * 1_048_576;
const sharedBytes = { least: 262_144, most: 8 * 1_048_576 };
/** Longer than the pause between two polls, so that a retry is in memory when its time comes. */
const lookaheadMs = 2_500;
const scanLimit = 2_000;

/** The way of an event to a hook, put together: read → send → decide → settle, and the retries beside it. */
export class Engine {
  readonly streams = new Map<number, OwnedStream>();
  readonly senders = new Map<number, Sender>();
  readonly conditions = new Conditions();
  readonly log: DeliveryStores['log'];
  readonly alarms: AlarmClock;
  readonly stats: StatsRecorder;
  readonly report: AttemptReport;
  readonly filterReport: FilterReport;
  readonly writer: SettleWriter;
  readonly settler: Settler;
  readonly dispatcher: Dispatcher;
  readonly line = new RoundRobin<Sender>();
  readonly parking: Parking;
  readonly tokens: TokenSupply;
  readonly reader: StreamReader;
  readonly book: RetryBook;
  readonly opener: OrderOpener;
  private readonly loader: RetryLoader;

  constructor(private readonly options: EngineOptions) {
    const { stores, lines, clock, workerId } = options;
    const store = stores.retries;
    this.log = stores.log;
    this.alarms = new AlarmClock(clock, () => this.moved());
    this.stats = new StatsRecorder(async (minutes) => stores.writeStats(workerId, minutes));
    this.report = new AttemptReport(lines, this.stats);
    this.filterReport = new FilterReport(lines);
    this.writer = new SettleWriter({
      lines,
      random: options.random,
      settle: async (...batch) => stores.settle(...batch),
    });
    this.settler = this.createSettler();
    this.reader = new StreamReader({
      log: this.log,
      lines,
      maxReads,
      maxSharedEvents,
      maxSharedBytes: () => Math.min(Math.max(sharedBudget / this.streams.size, sharedBytes.least), sharedBytes.most),
      onRead: () => this.moved(),
    });
    this.parking = this.createParking();
    this.tokens = this.createTokens();
    this.dispatcher = this.createDispatcher();
    this.loader = new RetryLoader({
      log: this.log,
      store,
      lines,
      onLoaded: (sender) => this.loaded(sender),
      onLost: (retry, isBuried) => this.lost(retry, isBuried),
      onIdle: () => this.moved(),
    });
    this.opener = new OrderOpener({ store, lines, onIdle: () => this.moved() });
    this.book = new RetryBook({
      store,
      clock,
      alarms: this.alarms,
      lookaheadMs,
      scanLimit,
      sendersById: this.senders,
      streamsById: this.streams,
      onDue: (retry, sender) => this.due(retry, sender),
      onIdle: () => this.moved(),
    });
  }

  /** Nothing is under way and nothing could be sent now. */
  get isQuiet(): boolean {
    const { dispatcher, reader, settler, loader, book, opener } = this;
    return (
      dispatcher.isIdle &&
      reader.isIdle &&
      settler.isIdle &&
      loader.isIdle &&
      book.isIdle &&
      this.tokens.isIdle &&
      opener.isIdle &&
      (dispatcher.line.size === 0 || !dispatcher.isOpen)
    );
  }

  /** Events in memory that wait to be sent for the first time. */
  get buffered(): { events: number; bytes: number } {
    const feeds = new Set<Feed<StreamCursor>>();
    for (const { cursors } of this.streams.values()) {
      for (const { feed } of cursors.values()) if (feed) feeds.add(feed);
    }
    const sum = { events: 0, bytes: 0 };
    for (const { buffer } of feeds) {
      sum.events += buffer.size;
      sum.bytes += buffer.bytes;
    }
    return sum;
  }

  /** Asks again for whatever may have been missed: a hint, a read that failed, a retry. */
  async poll(): Promise<void> {
    const heads = await this.log.heads([...this.streams.keys()]);
    for (const [streamId, { seq }] of heads) this.advance(streamId, seq);
    for (const stream of this.streams.values()) {
      stream.tail.trim();
      this.reader.considerStream(stream);
    }
    this.opener.run();
    await dropCancelled(this.senders.values(), this.options.stores.retries);
    await this.book.scan();
    for (const sender of this.senders.values()) this.loader.want(sender);
    this.alarms.ringDue();
    this.parking.runOnce();
    this.moved();
  }

  /** The stream has events up to `head`. */
  advance(streamId: number, head: number): void {
    const stream = this.streams.get(streamId);
    if (!stream || head <= stream.head) return;
    stream.head = head;
    this.reader.considerStream(stream);
  }

  /** Something has changed that others may wait for. */
  private moved(): void {
    this.dispatcher.pump();
    this.conditions.check();
  }

  private createSettler(): Settler {
    const { attemptLog, settleMs: intervalMs, maxUnsettled, onFenced } = this.options;
    return new Settler({
      writer: this.writer,
      attemptLog,
      intervalMs,
      batchResults,
      maxUnsettled,
      onFenced,
      onCommitted: (batch) => {
        this.book.committed(batch);
        this.moved();
      },
    });
  }

  private createDispatcher(): Dispatcher {
    const { client, clock, lines, random, slots, onSuspended } = this.options;
    return new Dispatcher({
      client,
      clock,
      lines,
      random,
      slots,
      settler: this.settler,
      filterReport: this.filterReport,
      line: this.line,
      parking: this.parking,
      slotsPerEndpoint: Math.max(Math.floor(slots / 4), 1),
      onTokensWanted: (sender) => this.tokens.want(sender),
      onTaken: (delivery) => this.taken(delivery),
      onFinished: (response, conclusions) => this.report.attempted(response, conclusions, clock.now()),
      onIdle: () => this.conditions.check(),
      onSuspended: (sender, outcome) => onSuspended(sender, outcome.reason),
    });
  }

  private createTokens(): TokenSupply {
    const { stores, clock, lines } = this.options;
    return new TokenSupply({
      leaseTokens: async (request) => stores.leaseTokens(request),
      clock,
      alarms: this.alarms,
      lines,
      line: this.line,
      onLeased: () => this.moved(),
    });
  }

  private createParking(): Parking {
    const { clock, lines, random, suspendAfterMs, onSuspended } = this.options;
    const { alarms, line, settler, reader } = this;
    return new Parking({
      clock,
      alarms,
      lines,
      random,
      line,
      settler,
      reader,
      suspendAfterMs,
      onHopeless: (sender) => onSuspended(sender, 'endpoint-down'),
    });
  }

  private taken({ cursor, sender, retry }: Delivery): void {
    if (retry === undefined) this.reader.consider(cursor);
    else this.loader.want(sender);
  }

  private due(retry: WaitingRetry, sender: Sender): void {
    if (retry.isDropped) return;
    sender.due.add(retry);
    this.loader.want(sender);
  }

  private loaded(sender: Sender): void {
    this.dispatcher.line.add(sender);
  }

  private lost({ cursor, seq, kind }: WaitingRetry, isBuried: boolean): void {
    this.settler.lose({ cursor, seq, kind }, isBuried);
    cursor.order.forget(seq);
  }
}
