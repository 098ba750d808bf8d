import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { generateSecret } from '@hookcast/protocol';
import type pg from 'pg';
import { adminKey, freePort } from '../support/broker.js';
import type { DatabaseProxy } from '../support/database-proxy.js';
import type { Harmed } from './checker.js';
import { ClusterDatabase } from './cluster-database.js';
import { Node } from './node.js';
import { startReceiver, type Manner, type Receiver } from './receiver.js';

/** A worker gives a sign of life every two seconds. */
const heartbeatMs = 2_000;
/** An answer `unavailable` is asked again for so long. */
const unavailableMs = 60_000;
/** A worker that loses streams has written nothing of them for so long at most: it says so when it is back. */
const silentMs = 30_000;

export interface Harm {
  /** Workers that died: each may have had a window and one settle in hand. Others that lose streams say so in their log. */
  deaths: number;
  /** Times that the hooks died with answers that they did not give. */
  hookDeaths: number;
  /** Requests that a worker which was stopped may still have begun before it knew that it was. */
  stale: number;
}

interface Parts {
  apis: readonly Node[];
  workers: readonly Node[];
  /** By the name of the process that it leads to the database. */
  proxies: ReadonlyMap<string, DatabaseProxy>;
  receiver: Receiver;
  database: ClusterDatabase;
  folder: string;
  secret: string;
}

/**
 * Two api and three worker processes on one Postgres, with hooks of their own, in a folder under the temporary directory.
 * Each process reaches the database by a proxy of its own, the last worker is on "another machine".
 */
export class Cluster {
  private constructor(private readonly parts: Parts) {}

  static async start(): Promise<Cluster> {
    const folder = mkdtempSync(join(tmpdir(), 'hookcast-faults-'));
    chmodSync(folder, 0o755); // run as root, Postgres has another account than the tests
    const secret = generateSecret();
    const [database, receiver] = await Promise.all([ClusterDatabase.start(folder), startReceiver(folder, secret)]);
    const encryptionKey = randomBytes(32).toString('base64');
    const proxies = new Map<string, DatabaseProxy>();
    const node = async (role: 'api' | 'worker', index: number) => {
      const name = `${role}-${index}`;
      const proxy = await database.proxy();
      proxies.set(name, proxy);
      const isElsewhere = role === 'worker' && index === 2;
      return new Node({
        role,
        name,
        port: await freePort(),
        folder,
        databaseUrl: proxy.url,
        encryptionKey,
        isElsewhere,
      });
    };
    const apis = [await node('api', 0), await node('api', 1)];
    const workers = [await node('worker', 0), await node('worker', 1), await node('worker', 2)];
    // Whoever comes first makes the schema, the others wait for it.
    await Promise.all([...apis, ...workers].map(async (each) => each.start()));
    return new Cluster({ apis, workers, proxies, receiver, database, folder, secret });
  }

  /** What was done to it so far, by whichever round. */
  readonly harm: Harm = { deaths: 0, hookDeaths: 0, stale: 0 };

  private readonly harms: Harmed[] = [];

  /** When harm was done that lets deliveries be made again: what scenarios say, and every loss of streams. */
  get harmed(): readonly Harmed[] {
    const losses = this.workers.flatMap((worker) => worker.toldAt('delivery.stream-lost'));
    return [...this.harms, ...losses.map((until) => ({ from: until - silentMs, until }))];
  }

  /** Who sends meanwhile, or has done so `unwrittenMs` before, may not live to write the result. */
  async harming(unwrittenMs: number, work: () => Promise<unknown>): Promise<void> {
    const from = Date.now() - unwrittenMs;
    await work();
    this.harms.push({ from, until: Date.now() });
  }

  get apis(): readonly Node[] {
    return this.parts.apis;
  }

  get workers(): readonly Node[] {
    return this.parts.workers;
  }

  get nodes(): readonly Node[] {
    return [...this.apis, ...this.workers];
  }

  get receiver(): Receiver {
    return this.parts.receiver;
  }

  get database(): ClusterDatabase {
    return this.parts.database;
  }

  /** Between the database and the first api, or the first worker. */
  proxyOf(role: 'api' | 'worker'): DatabaseProxy {
    const proxy = this.parts.proxies.get(`${role}-0`);
    if (!proxy) throw new Error(`There is no ${role}`);
    return proxy;
  }

  /** Between the database and each of the processes. */
  get proxies(): DatabaseProxy[] {
    return [...this.parts.proxies.values()];
  }

  /** Asks again while nobody answers, or that nothing can be done at the moment. */
  async api(method: string, path: string, body?: unknown): Promise<unknown> {
    for (const deadline = performance.now() + unavailableMs; ;) {
      const response = await this.ask(method, path, body).catch((error: unknown) => {
        if (performance.now() > deadline) throw error;
        return undefined;
      });
      const text = (await response?.text()) ?? '';
      if (response?.ok === true) return text === '' ? undefined : JSON.parse(text);
      if (response && (response.status !== 503 || performance.now() > deadline))
        throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
      await pause(500);
    }
  }

  private async ask(method: string, path: string, body: unknown): Promise<Response> {
    return fetch(`${this.apis[1]?.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  async subscribe(name: string, topic: string, manner: Manner, settings: Record<string, unknown>): Promise<void> {
    await this.api('PUT', `/v1/subscriptions/${name}`, {
      topics: [topic],
      url: this.receiver.urlOf(name, manner),
      secret: this.parts.secret,
      ...settings,
    });
  }

  /** Asks the database, again and again while it is away. */
  async rows<T extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<T[]> {
    return this.parts.database.rows<T>(text, values);
  }

  /** Process ids of the workers that own streams, of one topic or of all, by the rows that say so; 0 for nobody known. */
  async owners(topic?: string): Promise<number[]> {
    const rows = await this.rows<{ pid: number }>(
      `select distinct coalesce(w.pid, 0) as pid from assignments a
         join streams s using (stream_id) join topics t on t.id = s.topic_id
         left join workers w on w.worker_id = a.owner where t.name = coalesce($1, t.name)`,
      [topic ?? null],
    );
    return rows.map(({ pid }) => pid);
  }

  /** The same of one stream. */
  async ownersOf(streamId: number): Promise<number[]> {
    const rows = await this.rows<{ pid: number }>(
      'select w.pid from assignments a join workers w on w.worker_id = a.owner where a.stream_id = $1',
      [streamId],
    );
    return rows.map(({ pid }) => pid);
  }

  /** Whether the others count a process among those that share the streams. */
  async isMember(pid: number): Promise<boolean> {
    return (await this.rows('select 1 from workers where pid = $1', [pid])).length > 0;
  }

  /** How many streams of a topic a process owns. */
  async share(topic: string, pid: number): Promise<number> {
    const rows = await this.rows<{ streams: number }>(
      `select count(*)::int as streams from assignments a join workers w on w.worker_id = a.owner
         join streams s using (stream_id) join topics t on t.id = s.topic_id where t.name = $1 and w.pid = $2`,
      [topic, pid],
    );
    return rows[0]?.streams ?? 0;
  }

  /** Deliveries that are neither done nor dead. */
  async pending(topic: string): Promise<number> {
    const rows = await this.rows<{ pending: number }>(
      `select (coalesce((select sum(s.head_seq - c.settled_seq) from cursors c join streams s using (stream_id)
                 join topics t on t.id = s.topic_id join subscriptions u on u.id = c.subscription_id
                where t.name = $1 and u.state = 'active'), 0)
             + (select count(*) from retries r join streams s using (stream_id) join topics t on t.id = s.topic_id
                 where t.name = $1))::int as pending`,
      [topic],
    );
    return rows[0]?.pending ?? 0;
  }

  /** What `pending` counts, subscription by subscription, for the message of a failure. */
  async whatIsPending(topic: string): Promise<string> {
    const rows = await this.rows(
      `select s.stream_id, s.head_seq, c.settled_seq, c.above::text, c.epoch, c.parked_until, c.park_reason, u.name, u.state
         from cursors c join streams s using (stream_id) join topics t on t.id = s.topic_id
         left join subscriptions u on u.id = c.subscription_id where t.name = $1 and s.head_seq > c.settled_seq`,
      [topic],
    );
    const retries = await this.rows(
      `select r.stream_id, r.subscription_id, r.seq, r.attempt_no, r.next_at, r.last_error, u.name
         from retries r join streams s using (stream_id) join topics t on t.id = s.topic_id
         left join subscriptions u on u.id = r.subscription_id where t.name = $1`,
      [topic],
    );
    return [...rows, ...retries].map((row) => JSON.stringify(row)).join('\n');
  }

  /** Positions of events whose delivery the database knows of. */
  async settled(subscription: string): Promise<string[]> {
    const rows = await this.rows<{ position: string }>(
      `select distinct a.stream_id || ':' || a.seq as position
         from attempts a join subscriptions s on s.id = a.subscription_id where s.name = $1 and a.outcome = 1`,
      [subscription],
    );
    return rows.map(({ position }) => position);
  }

  /** Positions whose delivery is in the database more than once. */
  async settledTwice(subscription: string): Promise<string[]> {
    const rows = await this.rows<{ position: string }>(
      `select a.stream_id || ':' || a.seq as position
         from attempts a join subscriptions s on s.id = a.subscription_id where s.name = $1 and a.outcome = 1
        group by a.stream_id, a.seq having count(*) > 1`,
      [subscription],
    );
    return rows.map(({ position }) => position);
  }

  /** Positions, one for each attempt that ended without an answer. */
  async unheard(subscription: string): Promise<string[]> {
    const rows = await this.rows<{ position: string }>(
      `select a.stream_id || ':' || a.seq as position
         from attempts a join subscriptions s on s.id = a.subscription_id
        where s.name = $1 and a.outcome <> 1 and a.http_status is null`,
      [subscription],
    );
    return rows.map(({ position }) => position);
  }

  /** How late a sign of life of the slowest of the living workers is, in milliseconds, by the database's clock. */
  async lateness(without: readonly number[]): Promise<number> {
    const rows = await this.rows<{ silent: number }>(
      `select coalesce(max(extract(epoch from now() - heartbeat_at) * 1000), 0)::float8 as silent
         from workers where pid <> all($1::int[])`,
      [without],
    );
    return Math.max(0, (rows[0]?.silent ?? 0) - heartbeatMs);
  }

  /** Ids of events that were given up for a subscription. */
  async deadLetters(subscription: string): Promise<Set<string>> {
    const rows = await this.rows<{ event_id: string }>(
      'select d.event_id from dead_letters d join subscriptions s on s.id = d.subscription_id where s.name = $1',
      [subscription],
    );
    return new Set(rows.map(({ event_id: id }) => id));
  }

  /** Whatever was done to them: all processes run and reach the database, and the hooks answer. */
  async heal(): Promise<void> {
    this.parts.database.mend();
    for (const node of this.nodes) node.signal('SIGCONT');
    await this.receiver.start();
    await Promise.all(this.nodes.filter((node) => !node.isRunning).map(async (node) => node.start()));
  }

  logs(): string {
    return this.nodes.map((node) => `--- ${node.name}\n${node.log().split('\n').slice(-15).join('\n')}`).join('\n');
  }

  async stop(): Promise<void> {
    const { receiver, database, folder } = this.parts;
    for (const node of this.nodes) node.signal('SIGCONT');
    await Promise.all(this.nodes.map(async (node) => node.end('SIGKILL')));
    await receiver.crash();
    await database.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
