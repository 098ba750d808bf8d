import type pg from 'pg';
import { connectUnlessEnded, dedicatedClient } from '../dedicated-client.js';
import { reasonOf } from '../append/failure.js';
import type { LogLine } from '../log-line.js';
import { formatPayloads } from './tail-payload.js';
import { notifyTail, prepareNotifySession } from './tail-store.js';

export interface TailNotifierOptions {
  pool: pg.Pool;
  /** Milliseconds between two notifications at least. @default 20 */
  intervalMs?: number;
  /** Milliseconds for connecting and for each statement. @default 5000 */
  timeoutMs?: number;
  log?: LogLine;
}

/**
 * Tells other processes that streams grew. A hint: it is sent after the commit, on a connection of its own, merged
 * with what comes close behind it, and dropped when the database is away.
 */
export class TailNotifier {
  private pending = new Map<number, number>();
  private client: pg.Client | undefined;
  private timer: NodeJS.Timeout | undefined;
  private round: Promise<unknown> | undefined;
  private stopped = false;

  constructor(private readonly options: TailNotifierOptions) {}

  /** For `onAppended`: sends at once when the last one is long enough ago. */
  notify(heads: ReadonlyMap<number, number>): void {
    if (this.stopped) return;
    for (const [streamId, seq] of heads) this.pending.set(streamId, seq);
    if (this.timer === undefined && this.round === undefined) this.send();
  }

  /** Sends what is pending. */
  async runOnce(): Promise<{ streams: number }> {
    const heads = this.pending;
    if (heads.size === 0) return { streams: 0 };
    this.pending = new Map();
    try {
      const client = await this.connected();
      for (const payload of formatPayloads(heads)) await notifyTail(client, payload);
      return { streams: heads.size };
    } catch (error) {
      this.options.log?.('tail.notify-failed', { reason: reasonOf(error) });
      this.drop();
      return { streams: 0 };
    }
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.round;
    await this.runOnce();
    this.drop();
  }

  private send(): void {
    this.round = this.runOnce().finally(() => {
      this.round = undefined;
      if (this.stopped) return;
      this.timer = setTimeout(() => {
        this.timer = undefined;
        if (this.pending.size > 0) this.send();
      }, this.options.intervalMs ?? 20);
      this.timer.unref();
    });
  }

  private async connected(): Promise<pg.Client> {
    if (this.client) return this.client;
    const { pool, timeoutMs = 5_000 } = this.options;
    const client = dedicatedClient(pool, {
      application_name: `${pool.options.application_name ?? 'hookcast'} notify`,
      connectionTimeoutMillis: timeoutMs,
      query_timeout: timeoutMs,
      keepAlive: true,
    });
    this.client = client;
    client.once('end', () => {
      if (this.client === client) this.client = undefined;
    });
    await connectUnlessEnded(client);
    await prepareNotifySession(client);
    return client;
  }

  private drop(): void {
    const { client } = this;
    this.client = undefined;
    void client?.end().catch(() => {});
  }
}
