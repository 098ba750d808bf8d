import { randomUUID } from 'node:crypto';
import { CatalogFollower } from './catalog-follower.js';
import { countsSince, type AttemptCounts } from './outcome/attempt-report.js';
import { systemClock, type Clock } from './timing/clock.js';
import { silentLog, errorText, type DeliveryLog } from './delivery-log.js';
import { databaseStores, type DeliveryStores } from './delivery-stores.js';
import { engineSettings, type DeliveryWorkerOptions } from './delivery-worker-options.js';
import { Engine } from './engine.js';
import { OtherWorkers } from './flow/other-workers.js';
import { Holdings } from './holdings.js';
import { hostIdentity, isProcessAlive } from './ownership/host-identity.js';
import type { Loop } from './timing/loop.js';
import { loggedLoop } from './timing/logged-loop.js';
import { StreamDrain } from './ownership/stream-drain.js';
import type { OwnedStream, StreamCursor } from './reading/owned-stream.js';
import { Ownership, trustMs } from './ownership/ownership.js';
import { Timeline } from './ownership/timeline.js';
import type { Sender } from './sending/sender.js';
import { Serial } from './timing/serial.js';

const heartbeatMs = 2_000;
const pollMs = 1_000;
const statsMs = 10_000;
/** Milliseconds that a stop waits for a database that is away, once every request has ended. */
const lastSettleMs = 5_000;

/** Owns streams and delivers what is in them, until it is stopped. */
export class DeliveryWorker {
  readonly workerId: string;
  private readonly engine: Engine;
  private readonly holdings: Holdings;
  private readonly ownership: Ownership;
  private readonly catalog: CatalogFollower;
  private readonly drains: StreamDrain;
  private readonly others: OtherWorkers;
  private readonly stores: DeliveryStores;
  private readonly timeline: Timeline;
  /** Reloads, rounds of ownership and recoveries change the same things, so one at a time. */
  private readonly control = new Serial();
  private readonly loops: readonly Loop[];
  private readonly heartbeat: Loop;
  private readonly polling: Loop;
  private readonly clock: Clock;
  private readonly lines: DeliveryLog;
  private lastBeat = Number.NEGATIVE_INFINITY;
  /** There are streams to be taken before the next heartbeat is due. */
  private isRoundWanted = false;
  private isStopping = false;
  private queuedReload: Promise<void> | undefined;

  constructor(private readonly options: DeliveryWorkerOptions) {
    this.clock = options.clock ?? systemClock;
    this.lines = options.log ?? silentLog;
    const workerId = (this.workerId = options.workerId ?? randomUUID());
    this.stores = options.stores ?? databaseStores(options.pool);
    this.timeline = new Timeline(this.stores.timeline, (timeline) => this.startOver(timeline));
    this.engine = this.createEngine(workerId);
    this.holdings = this.createHoldings();
    this.ownership = this.createOwnership(workerId);
    this.catalog = this.createCatalog();
    const { conditions, streams } = this.engine;
    const drop = (stream: OwnedStream) => this.holdings.drop(stream);
    this.drains = new StreamDrain({ conditions, streams, drop, restart: (cursors) => this.restart(cursors) });
    // Whoever falls silent is taken over from at the moment it counts as dead, not a heartbeat later.
    const untilNextBeat = () => Math.min(heartbeatMs, this.ownership.untilNextDeathMs + 1);
    this.heartbeat = loggedLoop(this.lines, 'heartbeat', untilNextBeat, async () => this.beat());
    this.polling = loggedLoop(this.lines, 'poll', pollMs, async () => this.poll());
    const { stores, clock, engine, ownership } = this;
    this.others = new OtherWorkers({ workerId, stores, clock, engine, ownership });
    this.loops = [
      this.heartbeat,
      this.polling,
      loggedLoop(this.lines, 'other-workers', pollMs, async () => this.others.runOnce()),
      loggedLoop(this.lines, 'stats', statsMs, async () => this.engine.stats.runOnce(this.clock.now())),
    ];
  }

  start(): void {
    this.engine.alarms.start();
    for (const loop of this.loops) loop.start();
  }

  /** One round of everything: sends what can be sent now and returns once all of it is settled. */
  async runOnce(): Promise<AttemptCounts> {
    const before = { ...this.engine.report.counts };
    if (this.clock.monotonic() - this.lastBeat >= heartbeatMs) await this.beat();
    await this.others.runOnce();
    await this.poll();
    if (this.isRoundWanted) {
      await this.beat();
      await this.engine.poll();
    }
    await this.engine.conditions.until(() => this.engine.isQuiet);
    // A recovery that a settle has asked for.
    await this.control.run(async () => {});
    return countsSince(before, this.engine.report.counts);
  }

  /** Sends nothing more, lets the requests in flight end, settles them and gives its streams away, each when it is ready. */
  async stop(): Promise<void> {
    const { dispatcher, stats, writer } = this.engine;
    this.isStopping = true;
    dispatcher.stop();
    this.engine.alarms.stop();
    await Promise.all(this.loops.map(async (loop) => loop !== this.heartbeat && loop.stop()));
    // A round that is under way may still take some.
    const handedOver = this.control.run(async () => {}).then(async () => this.ownership.handOverAll());
    await this.finish();
    await handedOver;
    await this.heartbeat.stop();
    try {
      // With the database away there is nothing left to say: the others find out by our silence.
      if (writer.hasGivenUp) throw new Error('the database is away');
      await stats.runOnce(this.clock.now());
      await this.control.run(async () => this.ownership.leave());
    } catch (error) {
      this.lines.warn('delivery.stop-incomplete', { error: errorText(error) });
    }
  }

  private async finish(): Promise<void> {
    const { dispatcher, conditions, settler, writer } = this.engine;
    await conditions.until(() => dispatcher.isIdle);
    const impatience = setTimeout(() => writer.giveUp(), lastSettleMs);
    await settler.flush();
    clearTimeout(impatience);
  }

  /** Hint that streams wait for an owner. It may be missing: the poll looks for them too. */
  lookForStreams(): void {
    if (this.isStopping) return;
    // What fails here the round tries again.
    void this.control.run(async () => (await this.ownership.claimFree()) > 0 && this.polling.nudge()).catch(() => {});
    this.wantRound();
  }

  /** Hint that these streams have events up to these positions. Any may be missing: the poll finds them too. */
  wake(heads: ReadonlyMap<number, number>): void {
    for (const [streamId, head] of heads) this.engine.advance(streamId, head);
  }

  /** Takes over changes of the control plane now. The poll would within a second. */
  async reload(): Promise<void> {
    // One that waits for its turn will read what is there by then, so that a burst of changes costs two reloads.
    this.queuedReload ??= this.control.run(async () => {
      this.queuedReload = undefined;
      await this.catalog.follow();
    });
    await this.queuedReload;
  }

  /** Requests in flight for a subscription from this worker. */
  inFlight(subscriptionId: number): number {
    return this.engine.senders.get(subscriptionId)?.inFlight ?? 0;
  }

  /** Requests to a subscription's hook that this worker would have in flight at once; null when it has no part in it. */
  window(subscriptionId: number): number | null {
    const sender = this.engine.senders.get(subscriptionId);
    return sender === undefined || sender.cursors.size === 0 ? null : sender.flow.window.size;
  }

  /** What attempts came to since the start. */
  get attemptCounts(): AttemptCounts {
    return { ...this.engine.report.counts };
  }

  /** Events that filters kept back since the start, and how many of those for an evaluation error. */
  get filterCounts(): { filtered: number; errors: number } {
    return { ...this.engine.filterReport.counts };
  }

  /** Events in memory that wait to be sent for the first time. */
  get buffered(): { events: number; bytes: number } {
    return this.engine.buffered;
  }

  /** Streams this worker owns. */
  get ownedStreams(): number[] {
    return [...this.engine.streams.keys()];
  }

  private async beat(): Promise<void> {
    await this.control.run(async () => {
      if (this.catalog.version < 0 && !this.isStopping) await this.catalog.load();
      this.isRoundWanted = false;
      const { claimed } = await this.ownership.runOnce();
      this.lastBeat = this.clock.monotonic();
      // Their retries wait to be read.
      if (claimed > 0) this.polling.nudge();
    });
  }

  private wantRound(): void {
    this.isRoundWanted = true;
    this.heartbeat.nudge();
  }

  private async poll(): Promise<void> {
    const askedAt = this.clock.monotonic();
    // At once: over a slow network a worker pauses until both questions of its trust are answered.
    const [version] = await Promise.all([this.stores.controlVersion(), this.timeline.look()]);
    if (version !== this.catalog.version || this.catalog.hasEnded) await this.reload();
    else this.trustCatalog(askedAt);
    if (await this.stores.ownership.someAreFree()) this.wantRound();
    await this.engine.poll();
  }

  /** A worker that was stopped, or cut off, may not send by what it knew before: who was deleted meanwhile gets nothing. */
  private trustCatalog(askedAt: number): void {
    this.engine.dispatcher.allowUntil('catalog', askedAt + trustMs);
  }

  /** Nothing of theirs is under way, so the database knows all there is to know. */
  private restart(cursors: readonly StreamCursor[]): void {
    const sync = async () => this.holdings.syncCursors(await this.stores.adoptCursors(this.holdings.epochs()));
    this.beginAgain(cursors, sync);
  }

  private lose(streamId: number): void {
    const stream = this.engine.streams.get(streamId);
    if (stream) this.holdings.drop(stream);
  }

  /**
   * Another server has taken the place of the one that was known, and may have lost what that one had committed: events,
   * whose positions others have now, settles, and changes of subscriptions. So all that is in memory ends here and begins again from the rows.
   */
  private startOver(timeline: string): void {
    this.lines.warn('delivery.history-changed', { timeline, streams: this.engine.streams.size });
    for (const streamId of this.engine.streams.keys()) this.lose(streamId);
    this.catalog.distrust();
    this.readAnew([]);
  }

  /**
   * A settle wrote nothing for these cursors. Their results are lost, so what is in memory about them is wrong: they
   * end here, and those that still are this worker's begin again as the database has them.
   */
  private readAnew(cursors: readonly StreamCursor[]): void {
    this.beginAgain(cursors, async () => {
      await this.ownership.runOnce();
      await this.catalog.load();
    });
  }

  /** What is under way of the serial work was begun before the cursors ended, and may have read their rows. */
  private beginAgain(cursors: readonly StreamCursor[], work: () => Promise<void>): void {
    const expect = this.holdings.endToBegin(cursors);
    if (this.isStopping) return;
    void this.control.run(async () => expect());
    this.control.run(work).catch((error: unknown) => {
      this.catalog.distrust();
      this.lines.warn('delivery.recovery-failed', { error: errorText(error) });
    });
  }

  private suspend(sender: Sender, reason: string): void {
    const { id, name } = sender.subscription;
    if (!sender.isActive) return;
    this.holdings.suspend(sender);
    this.lines.warn('delivery.subscription-suspended', { subscription: name, reason });
    void this.catalog.suspend(name, { id, reason, now: new Date(this.clock.now()) });
  }

  private createEngine(workerId: string): Engine {
    const { stores, timeline, lines, clock } = this;
    const onFenced = (cursors: readonly StreamCursor[]) => this.readAnew(cursors);
    const onSuspended = (sender: Sender, reason: string) => this.suspend(sender, reason);
    const settings = engineSettings(this.options);
    return new Engine({ ...settings, stores, timeline, workerId, lines, clock, onFenced, onSuspended });
  }

  private createHoldings(): Holdings {
    const { streams, senders, reader, book, line, opener, parking } = this.engine;
    const { userAgent = 'Hookcast' } = this.options;
    return new Holdings({ streams, senders, reader, book, line, opener, parking, lines: this.lines, userAgent });
  }

  private createCatalog(): CatalogFollower {
    const { stores, holdings, clock, lines, ownership, engine } = this;
    return new CatalogFollower({
      catalog: this.options.catalog,
      stores,
      holdings,
      clock,
      lines,
      onStreams: (streams) => {
        ownership.setStreams(streams);
        if (streams.some(({ streamId }) => !engine.streams.has(streamId))) this.wantRound();
      },
      onConfirmed: (askedAt) => this.trustCatalog(askedAt),
    });
  }

  private createOwnership(workerId: string): Ownership {
    const { host = hostIdentity(), pid = process.pid } = this.options;
    return new Ownership({
      store: this.stores.ownership,
      identity: { workerId, host, pid, startedAt: new Date(this.clock.now()) },
      clock: this.clock,
      lines: this.lines,
      isProcessAlive,
      owned: {
        epochs: () => this.holdings.epochs(),
        take: (claim) => this.holdings.take(claim),
        lose: (streamId) => this.lose(streamId),
        drain: async (streamId, isWantedAgain) => this.drains.drain(streamId, isWantedAgain),
      },
      onConfirmed: (until) => this.engine.dispatcher.allowUntil('ownership', until),
    });
  }
}
