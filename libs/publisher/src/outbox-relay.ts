import { flushOutbox } from './outbox-flush.js';
import { listenTo, type OutboxPool } from './outbox-listener.js';
import { OutboxSender } from './outbox-sender.js';
import { channelOf, readWaiting, settleRows, takeTurn, type OutboxRow } from './outbox-store.js';
import { HeldOutboxTopics } from './held-outbox-topics.js';
import { isOutOfScope, isRefusal, type PublishError } from './publish-error.js';
import type { RejectedEvent } from './request-report.js';
import { retryDelayMs } from './retry-delay.js';
import { tell } from './tell.js';
import { startTimer } from './timer.js';
import { publisherSettings, type PublisherOptions, type PublisherSettings } from './settings.js';
import type { SqlTransaction } from '@hookcast/protocol/sql-transaction';

export interface OutboxRelayOptions extends Omit<PublisherOptions, 'mode' | 'spool' | 'trace' | 'source'> {
  /** A pool of `pg` for the database of the outbox; of TypeORM it is `dataSource.driver.master`. Two connections are used. */
  pool: OutboxPool;
  /** Looks for events at least this often, hint or not. @default 1_000 */
  intervalMs?: number | undefined;
  /** Keeps a connection that waits for the hint (NOTIFY) of a commit; not through a pooler of transactions. @default true */
  listen?: boolean | undefined;
  /** Called after every round, for metrics. */
  onRound?: ((round: OutboxRound) => void) | undefined;
  /**
   * Told when the database failed, and when the broker does not take the key (a `PublishError`: 401, or 403 for a topic
   * outside of its scope). The events stay and are tried again.
   *
   * @default console.error
   */
  onError?: ((error: unknown) => void) | undefined;
}

/** What a round did, in events. */
export interface OutboxRound {
  published: number;
  /** Refused by the broker, and set aside: `refused_at` and `refusal` of their rows say when and why. */
  refused: number;
  /** Read, but the broker does not take them now. */
  waiting: number;
  /** Another relay has the turn, so nothing was looked at. */
  isStandby: boolean;
}

/** Publishes what is committed in an outbox. Any number may run: one at a time has the turn. */
export interface OutboxRelay {
  start(): void;
  runOnce(): Promise<OutboxRound>;
  /**
   * Resolves once every event that was committed before the call has been published or set aside, by this relay or
   * another, whether it is started or not. For tests, and before `stop()`.
   *
   * @param options timeoutMs: @default the relay's `timeoutMs`, 30_000
   * @throws {PublishError} `timeout`
   */
  flush(options?: { timeoutMs?: number | undefined }): Promise<void>;
  /** Ends after the round under way; what is left is published by another relay or the next start. */
  stop(): Promise<void>;
}

/**
 * @example
 * const relay = createOutboxRelay({ url: 'http://127.0.0.1:8080', apiKey, pool });
 * relay.start();
 *
 * @throws {TypeError} that names every option that is wrong
 */
export function createOutboxRelay(options: OutboxRelayOptions): OutboxRelay {
  return new PollingRelay(options, publisherSettings(options));
}

/** Without a listener, a connection that breaks while the broker is asked would end the process. */
const ignore = () => {};

const standby: OutboxRound = { published: 0, refused: 0, waiting: 0, isStandby: true };
const pacing = { baseMs: 250, maxMs: 30_000 };

class PollingRelay implements OutboxRelay {
  private readonly sender: OutboxSender;
  private readonly table: string;
  private isStarted = false;
  private failures = 0;
  private readonly held = new HeldOutboxTopics();
  /** Something other than a topic outside of the key's scope kept events from being published in the last round. */
  private isHeldUp = false;
  private running: Promise<void> = Promise.resolve();
  private wake: () => void = () => {};
  private isHinted = false;

  constructor(
    private readonly options: OutboxRelayOptions,
    private readonly settings: PublisherSettings,
  ) {
    this.sender = new OutboxSender(settings);
    this.table = settings.outbox.table;
  }

  start(): void {
    if (this.isStarted) return;
    this.isStarted = true;
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.isStarted = false;
    this.sender.giveUp();
    this.wake();
    await this.running;
    this.sender.close();
  }

  async flush({ timeoutMs = this.settings.timeoutMs }: { timeoutMs?: number | undefined } = {}): Promise<void> {
    const { pool } = this.options;
    const round = async () => {
      const { published, refused } = await this.runOnce();
      return published + refused;
    };
    await flushOutbox({ pool, table: this.table, timeoutMs, round });
  }

  async runOnce(): Promise<OutboxRound> {
    const client = await this.options.pool.connect();
    client.on('error', ignore);
    try {
      // Read committed, so that what is read is as new as the turn.
      await client.query('begin isolation level read committed');
      const round = (await takeTurn(client, this.table)) ? await this.publishWaiting(client) : standby;
      await client.query('commit');
      client.off('error', ignore);
      client.release();
      return round;
    } catch (error) {
      // Closing the connection ends the transaction in whatever state it is.
      client.release(true);
      throw error;
    }
  }

  private async publishWaiting(transaction: SqlTransaction): Promise<OutboxRound> {
    this.isHeldUp = false;
    const rows = await readWaiting(transaction, this.table, this.settings.batch, this.held.now());
    if (rows.length === 0) return { ...standby, isStandby: false };
    const errors = await this.sender.send(rows.map(({ event }) => event));
    const settled = rows.map((row, index) => ({ row, error: errors[index] }));
    const stored = settled.filter(({ error }) => error === undefined).map(({ row }) => row.rowId);
    const refused = settled.flatMap(({ row, error }) =>
      error !== undefined && isRefusal(error) ? [{ row, error }] : [],
    );
    await settleRows(transaction, this.table, {
      stored,
      refused: refused.map(({ row, error }) => ({ rowId: row.rowId, refusal: `${error.reason}: ${error.message}` })),
    });
    for (const one of refused) this.tellRefused(one);
    this.note(settled);
    const waiting = rows.length - stored.length - refused.length;
    return { published: stored.length, refused: refused.length, waiting, isStandby: false };
  }

  /** Takes down what kept events from being published, and tells what somebody has to mend. */
  private note(settled: readonly { row: OutboxRow; error: PublishError | undefined }[]): void {
    const { onError = logError } = this.options;
    const undecided = settled.flatMap(({ row, error }) =>
      error !== undefined && !isRefusal(error) ? [{ topic: row.event.topic, error }] : [],
    );
    const outOfScope = new Map(
      undecided.filter(({ error }) => isOutOfScope(error)).map((one) => [one.topic, one.error]),
    );
    const topics = new Set(settled.map(({ row }) => row.event.topic));
    for (const topic of topics) this.held.note(topic, outOfScope.has(topic));
    const others = undecided.map(({ error }) => error).filter((error) => !isOutOfScope(error));
    this.isHeldUp = others.length > 0;
    const ofTheKey = others.find(({ status }) => status !== undefined);
    for (const error of outOfScope.values()) tell(() => onError(error));
    if (ofTheKey !== undefined) tell(() => onError(ofTheKey));
  }

  private tellRefused({ row, error }: { row: OutboxRow; error: PublishError }): void {
    const event: RejectedEvent = { topic: row.event.topic, id: row.event.id, error };
    tell(() => this.settings.hooks.onRejected?.(event));
  }

  private async run(): Promise<void> {
    const { pool, listen = true } = this.options;
    const listener = listen ? listenTo(pool, channelOf(this.table), () => this.hint()) : undefined;
    while (this.isStarted) {
      listener?.ensure();
      await this.pause(await this.round());
    }
    await listener?.close();
  }

  /** Runs a round and says how many milliseconds to wait for the next. */
  private async round(): Promise<number> {
    this.isHinted = false;
    const { onError = logError, onRound, intervalMs = 1_000 } = this.options;
    try {
      const round = await this.runOnce();
      tell(() => onRound?.(round));
      this.failures = this.isHeldUp ? this.failures + 1 : 0;
      // What waits then is of topics that the next round leaves out: there may be others behind them.
      const isMore = round.published + round.refused + round.waiting > 0;
      if (this.failures === 0) return isMore ? 0 : intervalMs;
    } catch (error) {
      this.failures += 1;
      tell(() => onError(error));
    }
    return retryDelayMs(this.failures, pacing, Math.random());
  }

  private hint(): void {
    this.isHinted = true;
    // A hint says that there is something, not that the broker is back.
    if (this.failures === 0) this.wake();
  }

  private async pause(ms: number): Promise<void> {
    if (!this.isStarted || ms === 0 || (this.isHinted && this.failures === 0)) return;
    await new Promise<void>((resolve) => {
      const timer = startTimer(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.wake = () => {};
  }
}

const logError = (error: unknown): void => console.error('The outbox waits:', error);
