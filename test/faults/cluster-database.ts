import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '@hookcast/database/embedded';
import pg from 'pg';
import { databaseProxy, type DatabaseProxy } from '../support/database-proxy.js';
import { until } from '../support/until.js';
import { followServer, type Standby } from './standby.js';

const patienceMs = 120_000;

/** The server that holds the log, with fsync on, and what can be done to it. */
export class ClusterDatabase {
  private readonly proxies: DatabaseProxy[] = [];

  private constructor(
    private dataDir: string,
    private server: EmbeddedPostgres,
    private readonly own: DatabaseProxy,
    private readonly pool: pg.Pool,
  ) {}

  static async start(folder: string): Promise<ClusterDatabase> {
    const dataDir = join(folder, 'database');
    const server = await startEmbeddedPostgres({ dataDir });
    const own = await databaseProxy(server.url);
    // Its connections stay: when others have used all up, there would be none for us.
    const pool = new pg.Pool({ connectionString: own.url, max: 2, idleTimeoutMillis: 0 });
    pool.on('error', () => {});
    return new ClusterDatabase(dataDir, server, own, pool);
  }

  /** Past the proxies. */
  get url(): string {
    return this.server.url;
  }

  /** A way to the server that can be harmed without the others. */
  async proxy(): Promise<DatabaseProxy> {
    const proxy = await databaseProxy(this.server.url);
    this.proxies.push(proxy);
    return proxy;
  }

  /** Asks the database, again and again while it is away. */
  async rows<T extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<T[]> {
    return until(
      async () => {
        try {
          return (await this.pool.query<T>(text, [...values])).rows;
        } catch (error) {
          // What the server itself has to say against a statement is no outage.
          if (error instanceof pg.DatabaseError && !/^(57|08|53)/.test(error.code ?? '')) throw error;
          return undefined;
        }
      },
      { timeoutMs: patienceMs, what: 'the database to answer' },
    );
  }

  /** As `pg_ctl stop -m immediate` does; the supervisor of the embedded server starts it again. */
  async crash(): Promise<void> {
    const { pid } = this.server;
    process.kill(pid, 'SIGQUIT');
    await until(() => this.server.pid !== pid && this.server.pid !== 0, {
      timeoutMs: patienceMs,
      what: 'a new server',
    });
  }

  /** Stops the server with all its processes where they are, and lets them go on after a while. */
  async freeze(durationMs: number): Promise<void> {
    const pids = await this.processes();
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    await pause(durationMs);
    for (const pid of pids.toReversed()) process.kill(pid, 'SIGCONT');
  }

  /** A second server that follows this one. With `isSynchronous`, a COMMIT is answered once it is on both. */
  async standby({ isSynchronous }: { isSynchronous: boolean }): Promise<Standby> {
    const standby = await followServer(this.server, this.dataDir, `${this.dataDir}-standby`);
    if (isSynchronous) {
      await this.rows(`alter system set synchronous_standby_names = '*'`);
      await this.rows('select pg_reload_conf()');
    }
    const wanted = isSynchronous ? 'sync' : 'async';
    await until(async () => (await this.replication()).includes(wanted), {
      timeoutMs: patienceMs,
      what: `the standby to follow (${wanted})`,
    });
    return standby;
  }

  /** The server and all its processes die where they are; the standby, so far as it has come, takes their place. */
  async failOver(standby: Standby): Promise<void> {
    const [dead, deadDir] = [this.server, this.dataDir];
    for (const pid of await this.processes()) kill(pid);
    // Its supervisor starts it again: nobody may find it then.
    standby.link.cut();
    for (const proxy of [this.own, ...this.proxies]) proxy.retarget(standby.server.url);
    this.server = standby.server;
    this.dataDir = standby.dataDir;
    await Promise.all([standby.promote(), dead.stop()]);
    await standby.link.close();
    rmSync(deadDir, { recursive: true, force: true });
  }

  /** Takes every connection that the server still has to give, until it is told to give them back. */
  async useUpConnections(): Promise<() => Promise<void>> {
    const taken: pg.Client[] = [];
    for (;;) {
      const client = new pg.Client({ connectionString: this.server.url, application_name: 'others' });
      client.on('error', () => {});
      try {
        await client.connect();
        taken.push(client);
      } catch (error) {
        if (error instanceof pg.DatabaseError && error.code === '53300') break;
        throw error;
      }
    }
    return async () => void (await Promise.all(taken.map(async (client) => client.end())));
  }

  /** Whatever was done to the ways that lead to it. */
  mend(): void {
    for (const proxy of this.proxies) proxy.mend();
  }

  async stop(): Promise<void> {
    await this.pool.end();
    for (const proxy of [this.own, ...this.proxies]) await proxy.close();
    await this.server.stop();
  }

  private async replication(): Promise<string[]> {
    const rows = await this.rows<{ state: string }>(
      `select sync_state as state from pg_stat_replication
        where state = 'streaming' and replay_lsn >= pg_current_wal_flush_lsn() - 65536`,
    );
    return rows.map(({ state }) => state);
  }

  /** The postmaster first: it would start others for those that do not answer. */
  private async processes(): Promise<number[]> {
    const others = await this.rows<{ pid: number }>('select pid from pg_stat_activity');
    return [this.server.pid, ...others.map(({ pid }) => pid)];
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // A session that has ended since it was seen.
  }
}
