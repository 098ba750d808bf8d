import { listenTo, type OutboxPool } from './outbox-listener.js';
import { isRefusal, OutboxSender } from './outbox-sender.js';
import { channelOf, readWaiting, settleRows, takeTurn, type OutboxRow } from './outbox-store.js';
import type { PublishError } from './publish-error.js';
import type { RejectedEvent } from './request-report.js';
import { retryDelayMs } from './retry-delay.js';
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
  /** Told when the database failed; the round is tried again. @default console.error */
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
    const rows = await readWaiting(transaction, this.table, this.settings.batch.maxEvents);
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
    const waiting = rows.length - stored.length - refused.length;
    return { published: stored.length, refused: refused.length, waiting, isStandby: false };
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
      this.failures = round.waiting > 0 ? this.failures + 1 : 0;
      if (this.failures === 0) return round.published + round.refused > 0 ? 0 : intervalMs;
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
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.wake = () => {};
  }
}

function tell(listener: () => void): void {
  try {
    listener();
  } catch {
    // Somebody else's metrics must not stop events.
  }
}

const logError = (error: unknown): void => console.error('The outbox was not read:', error);
