import type pg from 'pg';
import { connectUnlessEnded, dedicatedClient } from '../dedicated-client.js';
import { reasonOf } from '../append/failure.js';
import type { LogLine } from '../log-line.js';
import { parsePayload } from './tail-payload.js';
import { freeChannel, listenTail, ping } from './tail-store.js';

export interface TailListenerOptions {
  pool: pg.Pool;
  /** Told which streams grew, and up to where. Must not throw. */
  onHeads: (heads: ReadonlyMap<number, number>) => void;
  /** Told that streams wait for an owner. Must not throw. */
  onFree?: () => void;
  /** Milliseconds between two looks at the connection, and between two attempts to connect. @default 5000 */
  intervalMs?: number;
  /** Milliseconds after which silence means that the connection is dead. @default 5000 */
  timeoutMs?: number;
  log?: LogLine;
}

/**
 * Hears of streams that grew in other processes, and that some wait for an owner. Hints get lost while it reconnects, so whoever waits polls as well.
 * A connection whose other end vanished looks like one on which nothing happens: hence the ping.
 */
export class TailListener {
  private client: pg.Client | undefined;
  private timer: NodeJS.Timeout | undefined;
  private round: Promise<unknown> | undefined;
  private stopped = false;

  constructor(private readonly options: TailListenerOptions) {}

  start(): void {
    this.stopped = false;
    this.schedule(0);
  }

  /** Connects, or makes sure that the connection still stands. */
  async runOnce(): Promise<{ connected: boolean }> {
    try {
      if (this.client) await ping(this.client);
      else await this.connect();
      return { connected: true };
    } catch (error) {
      this.options.log?.('tail.listen-failed', { reason: reasonOf(error) });
      this.drop();
      return { connected: false };
    }
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    this.drop();
    await this.round;
    this.drop();
  }

  private schedule(afterMs: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.round = this.runOnce().finally(() => {
        if (!this.stopped) this.schedule(this.options.intervalMs ?? 5_000);
      });
    }, afterMs);
    this.timer.unref();
  }

  private async connect(): Promise<void> {
    const { pool, timeoutMs = 5_000 } = this.options;
    const client = dedicatedClient(pool, {
      application_name: `${pool.options.application_name ?? 'hookcast'} listen`,
      connectionTimeoutMillis: timeoutMs,
      query_timeout: timeoutMs,
      keepAlive: true,
    });
    this.client = client;
    client.on('notification', (notification) => this.heard(notification));
    client.once('end', () => {
      if (this.client !== client) return;
      this.client = undefined;
      if (!this.stopped && this.timer !== undefined) this.schedule(100);
    });
    await connectUnlessEnded(client);
    await listenTail(client);
  }

  private heard({ channel, payload }: pg.Notification): void {
    const { onHeads, onFree } = this.options;
    if (channel === freeChannel) onFree?.();
    else onHeads(parsePayload(payload ?? ''));
  }

  private drop(): void {
    const { client } = this;
    this.client = undefined;
    void client?.end().catch(() => {});
  }
}
