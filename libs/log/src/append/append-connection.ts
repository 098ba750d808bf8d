import type pg from 'pg';
import { forgetDay, prepareAppendSession, readDay } from './append-log.js';
import { Contention } from './contention.js';
import { dayOf, type Day } from '../days/day.js';
import { connectUnlessEnded, dedicatedClient } from '../dedicated-client.js';

/** How much later than the server the client gives a statement up: the server has gone silent then. */
const silenceMs = 2_000;

export interface AppendSession {
  client: pg.Client;
  day: Day;
  /** Streams that it has seen grow on this day. */
  grown: Set<number>;
  contention: Contention;
}

/** The connection that flushes go through: opened when first needed, and again after it broke. */
export class AppendConnection {
  private opening: Promise<AppendSession> | undefined;

  /** @param options.now the time of storing, for tests; else the database knows what day it is */
  constructor(private readonly options: { pool: pg.Pool; timeoutMs: number; now?: (() => Date) | undefined }) {}

  /** @throws what connecting throws; the next call tries again. */
  async open(): Promise<AppendSession> {
    this.opening ??= this.connect();
    const opening = this.opening;
    try {
      return await opening;
    } catch (error) {
      if (this.opening === opening) this.opening = undefined;
      throw error;
    }
  }

  /** Writes to another day's partition from now on. */
  async moveTo(day: Day): Promise<void> {
    const session = await this.open();
    const before = session.day;
    session.day = day;
    if (before === day) return;
    session.grown.clear();
    // It may not have been prepared yet on this connection.
    await forgetDay(session.client, before).catch(() => {});
  }

  /** Breaks the connection off, whatever it is doing. */
  drop(): void {
    const opening = this.opening;
    this.opening = undefined;
    void opening?.then(({ client }) => client.end()).catch(() => {});
  }

  async close(): Promise<void> {
    const opening = this.opening;
    this.opening = undefined;
    const session = await opening?.catch(() => undefined);
    await session?.client.end().catch(() => {});
  }

  private async connect(): Promise<AppendSession> {
    const { pool, timeoutMs, now } = this.options;
    const client = dedicatedClient(pool, {
      pipeline: true,
      application_name: `${pool.options.application_name ?? 'hookcast'} append`,
      connectionTimeoutMillis: timeoutMs,
      query_timeout: timeoutMs + silenceMs,
      keepAlive: true,
    });
    try {
      await connectUnlessEnded(client);
      await prepareAppendSession(client, timeoutMs);
      const day = now ? dayOf(now()) : await readDay(client);
      // A server that shuts down ends idle connections: the next flush must not be the one to find out.
      client.once('end', () => this.forget(client));
      return { client, day, grown: new Set(), contention: new Contention() };
    } catch (error) {
      await client.end().catch(() => {});
      throw error;
    }
  }

  private forget(client: pg.Client): void {
    const opening = this.opening;
    void opening?.then((session) => {
      if (session.client === client && this.opening === opening) this.opening = undefined;
    });
  }
}
