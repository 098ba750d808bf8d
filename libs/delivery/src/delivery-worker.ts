import { randomUUID } from 'node:crypto';
import { countsSince, type AttemptCounts } from './attempt-report.js';
import { systemClock, type Clock } from './clock.js';
import { silentLog, errorText, type DeliveryLog } from './delivery-log.js';
import { databaseStores, type DeliveryStores } from './delivery-stores.js';
import type { DeliveryWorkerOptions } from './delivery-worker-options.js';
import { Engine } from './engine.js';
import { Holdings } from './holdings.js';
import { hostIdentity, isProcessAlive } from './host-identity.js';
import { Loop } from './loop.js';
import type { StreamCursor } from './owned-stream.js';
import { Ownership, trustMs } from './ownership.js';
import type { Sender } from './sender.js';
import { Serial } from './serial.js';

const heartbeatMs = 2_000;
const pollMs = 1_000;
const statsMs = 10_000;
/** Milliseconds that a stop waits for a database that is away, once every request has ended. */
const lastSettleMs = 5_000;

/** Owns streams and delivers what is in them, until it is stopped. */
export class DeliveryWorker {
  private readonly engine: Engine;
  private readonly holdings: Holdings;
  private readonly ownership: Ownership;
  private readonly stores: DeliveryStores;
  /** Reloads, rounds of ownership and recoveries change the same things, so one at a time. */
  private readonly control = new Serial();
  private readonly loops: readonly Loop[];
  private readonly heartbeat: Loop;
  private readonly polling: Loop;
  private readonly clock: Clock;
  private readonly lines: DeliveryLog;
  private version = -1;
  private lastBeat = Number.NEGATIVE_INFINITY;
  /** There are streams to be taken before the next heartbeat is due. */
  private isRoundWanted = false;
  private isStopping = false;
  private queuedReload: Promise<void> | undefined;

  constructor(private readonly options: DeliveryWorkerOptions) {
    this.clock = options.clock ?? systemClock;
    this.lines = options.log ?? silentLog;
    const workerId = options.workerId ?? randomUUID();
    this.stores = options.stores ?? databaseStores(options.pool);
    this.engine = this.createEngine(workerId);
    this.holdings = this.createHoldings();
    this.ownership = this.createOwnership(workerId);
    this.heartbeat = this.loop('heartbeat', heartbeatMs, async () => this.beat());
    this.polling = this.loop('poll', pollMs, async () => this.poll());
    this.loops = [
      this.heartbeat,
      this.polling,
      this.loop('stats', statsMs, async () => this.engine.stats.runOnce(this.clock.now())),
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

  /** Sends nothing more, lets the requests in flight end, settles them and gives its streams away. */
  async stop(): Promise<void> {
    const { dispatcher, alarms, conditions, settler, writer, stats } = this.engine;
    this.isStopping = true;
    dispatcher.stop();
    alarms.stop();
    await Promise.all(this.loops.map(async (loop) => loop.stop()));
    await conditions.until(() => dispatcher.isIdle);
    const impatience = setTimeout(() => writer.giveUp(), lastSettleMs);
    await settler.flush();
    clearTimeout(impatience);
    try {
      // With the database away there is nothing left to say: the others find out by our silence.
      if (writer.hasGivenUp) throw new Error('the database is away');
      await stats.runOnce(this.clock.now());
      await this.control.run(async () => this.ownership.leave());
    } catch (error) {
      this.lines.warn('delivery.stop-incomplete', { error: errorText(error) });
    }
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
      await this.reloadCatalog();
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
      if (this.version < 0) await this.reloadCatalog();
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
    if ((await this.stores.controlVersion()) !== this.version) await this.reload();
    else this.trustCatalog(askedAt);
    if (await this.stores.ownership.someAreFree()) this.wantRound();
    await this.engine.poll();
  }

  private async reloadCatalog(): Promise<void> {
    const askedAt = this.clock.monotonic();
    const catalog = await this.options.catalog.load();
    this.holdings.applyCatalog(catalog);
    this.ownership.setStreams(catalog.streams);
    this.holdings.syncCursors(await this.stores.adoptCursors(this.holdings.epochs()));
    this.version = catalog.version;
    this.trustCatalog(askedAt);
    if (catalog.streams.some(({ streamId }) => !this.engine.streams.has(streamId))) this.wantRound();
  }

  /** A worker that was stopped, or cut off, may not send by what it knew before: who was deleted meanwhile gets nothing. */
  private trustCatalog(askedAt: number): void {
    this.engine.dispatcher.allowUntil('catalog', askedAt + trustMs);
  }

  private async drain(streamId: number): Promise<void> {
    const stream = this.engine.streams.get(streamId);
    if (!stream) return;
    stream.isClosing = true;
    await this.engine.conditions.until(() => stream.isQuiet);
    if (this.engine.streams.get(streamId) === stream) this.holdings.drop(stream);
  }

  private lose(streamId: number): void {
    const stream = this.engine.streams.get(streamId);
    if (stream) this.holdings.drop(stream);
  }

  /**
   * A settle wrote nothing for these cursors. Their results are lost, so what is in memory about them is wrong: they
   * end here, and those that still are this worker's begin again as the database has them.
   */
  private recover(cursors: readonly StreamCursor[]): void {
    for (const cursor of cursors) if (!cursor.isClosed) this.holdings.closeCursor(cursor);
    if (this.isStopping) return;
    const recovery = this.control.run(async () => {
      await this.ownership.runOnce();
      await this.reloadCatalog();
    });
    recovery.catch((error: unknown) => {
      this.version = -1;
      this.lines.warn('delivery.recovery-failed', { error: errorText(error) });
    });
  }

  private suspend(sender: Sender, reason: string): void {
    const { id, name } = sender.subscription;
    if (!sender.isActive) return;
    this.holdings.suspend(sender);
    this.lines.warn('delivery.subscription-suspended', { subscription: name, reason });
    const now = new Date(this.clock.now());
    this.stores.suspend({ id, reason, now }).catch((error: unknown) => {
      // The reload finds it active, and the next attempt suspends it again.
      this.version = -1;
      this.lines.warn('delivery.suspend-failed', { subscription: name, error: errorText(error) });
    });
  }

  private loop(name: string, everyMs: number, work: () => Promise<unknown>): Loop {
    const onError = (error: unknown, failures: number) => {
      // 1, 2, 4, 8 ...: an outage shows, and does not flood the log.
      if ((failures & (failures - 1)) !== 0) return;
      this.lines.warn('delivery.loop-failed', { loop: name, failures, error: errorText(error) });
    };
    return new Loop(work, { everyMs, retryMs: 500, onError });
  }

  private createEngine(workerId: string): Engine {
    const { client, random, slots, attemptLog, settleMs, maxUnsettled, suspendAfterMs } = this.options;
    return new Engine({
      stores: this.stores,
      client,
      workerId,
      lines: this.lines,
      clock: this.clock,
      random: random ?? Math.random,
      slots: slots ?? 512,
      attemptLog: attemptLog ?? 'all',
      settleMs: settleMs ?? 15,
      maxUnsettled: maxUnsettled ?? 1_024,
      suspendAfterMs: suspendAfterMs ?? 5 * 86_400_000,
      onFenced: (cursors) => this.recover(cursors),
      onSuspended: (sender, reason) => this.suspend(sender, reason),
    });
  }

  private createHoldings(): Holdings {
    const { streams, senders, reader, book, line, opener, parking } = this.engine;
    const { lines } = this;
    const { userAgent = 'Hookcast' } = this.options;
    return new Holdings({ streams, senders, reader, book, line, opener, parking, lines, userAgent });
  }

  private createOwnership(workerId: string): Ownership {
    const { host = hostIdentity(), pid = process.pid } = this.options;
    const { holdings } = this;
    return new Ownership({
      store: this.stores.ownership,
      identity: { workerId, host, pid, startedAt: new Date(this.clock.now()) },
      clock: this.clock,
      lines: this.lines,
      isProcessAlive,
      owned: {
        epochs: () => holdings.epochs(),
        take: (claim) => holdings.take(claim),
        lose: (streamId) => this.lose(streamId),
        drain: async (streamId) => this.drain(streamId),
      },
      onConfirmed: (until) => this.engine.dispatcher.allowUntil('ownership', until),
    });
  }
}
