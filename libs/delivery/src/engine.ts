import type { HookClient } from '@hookcast/egress';
import { AlarmClocks } from './timing/alarm-clocks.js';
import { AttemptReport } from './outcome/attempt-report.js';
import type { Clock } from './timing/clock.js';
import { Conditions } from './timing/conditions.js';
import type { Delivery } from './delivery.js';
import type { DeliveryLog } from './delivery-log.js';
import type { DeliveryStores } from './delivery-stores.js';
import { Dispatcher } from './sending/dispatcher.js';
import { FilterReport } from './reading/filter-report.js';
import { bufferedIn } from './reading/buffered.js';
import { confirmedHeads } from './reading/heads.js';
import type { OwnedStream, StreamCursor } from './reading/owned-stream.js';
import { OrderOpener } from './order/order-opener.js';
import { GivingWay } from './flow/giving-way.js';
import { Parking } from './flow/parking.js';
import { RetryBook } from './retries/retry-book.js';
import { RetryLoader } from './retries/retry-loader.js';
import { RoundRobin } from './sending/round-robin.js';
import type { Sender, WaitingRetry } from './sending/sender.js';
import { SettleWriter } from './settling/settle-writer.js';
import { Settler } from './settling/settler.js';
import { StatsRecorder } from './history/stats-recorder.js';
import { StreamReader } from './reading/stream-reader.js';
import type { Timeline } from './ownership/timeline.js';
import { FailureWatch } from './flow/failure-watch.js';
import { FirstAnswers } from './flow/first-answers.js';
import { TokenSupply } from './flow/token-supply.js';

export interface EngineOptions {
  stores: DeliveryStores;
  timeline: Timeline;
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
  readonly alarms: AlarmClocks;
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
  readonly givingWay: GivingWay;
  private readonly loader: RetryLoader;

  constructor(private readonly options: EngineOptions) {
    const { stores, lines, clock, workerId, random, timeline: history } = options;
    this.log = stores.log;
    this.alarms = new AlarmClocks(clock, () => this.moved());
    this.stats = new StatsRecorder(async (minutes) => stores.writeStats(workerId, minutes));
    this.report = new AttemptReport(lines, this.stats);
    this.filterReport = new FilterReport(lines, this.stats);
    const settle = async (...batch: Parameters<DeliveryStores['settle']>) => stores.settle(...batch);
    this.writer = new SettleWriter({ history, lines, random, settle });
    this.settler = this.createSettler();
    const { line } = this;
    const onOpen = () => this.moved();
    this.givingWay = new GivingWay({ stores, clock, lines, alarms: this.alarms.steady, line, onOpen });
    this.reader = new StreamReader({
      log: this.log,
      lines,
      clock,
      maxReads,
      onLiveRead: (ms) => this.givingWay.watch.liveRead(ms),
      maxSharedEvents,
      maxSharedBytes: () => Math.min(Math.max(sharedBudget / this.streams.size, sharedBytes.least), sharedBytes.most),
      onRead: () => this.moved(),
    });
    this.parking = this.createParking();
    this.tokens = this.createTokens();
    this.dispatcher = this.createDispatcher();
    this.loader = this.createLoader();
    const { streams, settler } = this;
    const store = stores.retries;
    this.opener = new OrderOpener({ store, lines, clock, streams, settler, onIdle: () => this.moved() });
    this.book = this.createBook();
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
      !this.givingWay.backlogs.isTurning &&
      opener.isIdle &&
      (dispatcher.line.size === 0 || !dispatcher.isOpen)
    );
  }

  /** Events in memory that wait to be sent for the first time. */
  get buffered(): { events: number; bytes: number } {
    return bufferedIn(this.streams.values());
  }

  /** Asks again for whatever may have been missed: a hint, a read that failed, a retry. */
  async poll(): Promise<void> {
    const heads = await confirmedHeads(this.streams, this.log);
    for (const [streamId, { seq }] of heads) this.advance(streamId, seq);
    for (const stream of this.streams.values()) {
      stream.tail.trim();
      this.reader.considerStream(stream);
    }
    await this.opener.runOnce();
    await this.book.scan();
    await this.givingWay.runOnce(this.senders.values());
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
      backlogs: this.givingWay.backlogs,
      slotsPerEndpoint: Math.max(Math.floor(slots / 4), 1),
      onTokensWanted: (sender) => this.tokens.want(sender),
      onTaken: (delivery) => this.taken(delivery),
      onFinished: (response, conclusions) => this.report.attempted(response, conclusions, clock.now()),
      onIdle: () => this.conditions.check(),
      onSuspended: (sender, outcome) => onSuspended(sender, outcome.reason),
    });
  }

  private createLoader(): RetryLoader {
    const { stores, lines } = this.options;
    return new RetryLoader({
      log: this.log,
      store: stores.retries,
      lines,
      onLoaded: (retry, sender) => this.givingWay.loaded(retry, sender),
      onLost: (retry, isBuried) => this.lost(retry, isBuried),
      onIdle: () => this.moved(),
    });
  }

  private createBook(): RetryBook {
    const { stores, clock } = this.options;
    return new RetryBook({
      store: stores.retries,
      clock,
      alarms: this.alarms.wall,
      lookaheadMs,
      scanLimit,
      sendersById: this.senders,
      streamsById: this.streams,
      onDue: (retry, sender) => this.due(retry, sender),
      onIdle: () => this.moved(),
    });
  }

  private createTokens(): TokenSupply {
    const { stores, clock, lines } = this.options;
    return new TokenSupply({
      leaseTokens: async (request) => stores.leaseTokens(request),
      clock,
      alarms: this.alarms.steady,
      lines,
      line: this.line,
      onLeased: () => this.moved(),
    });
  }

  private createParking(): Parking {
    const { stores, clock, lines, random, suspendAfterMs, onSuspended } = this.options;
    const { line, settler, reader } = this;
    const onHopeless = (sender: Sender) => onSuspended(sender, 'endpoint-down');
    return new Parking({
      clock,
      alarms: this.alarms.wall,
      lines,
      random,
      line,
      settler,
      reader,
      failures: new FailureWatch({ stores, clock, lines, suspendAfterMs, onHopeless }),
      firstAnswers: new FirstAnswers({ stores, lines }),
      suspendAfterMs,
      onHopeless,
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

  private lost(retry: WaitingRetry, isBuried: boolean): void {
    this.settler.lose(retry, isBuried);
    retry.cursor.order.forget(retry.seq);
  }
}
