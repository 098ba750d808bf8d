import { randomUUID } from 'node:crypto';
import { controlChangesSince, createDataPool } from '@hookcast/database';
import {
  DeliveryWorker,
  type Catalog,
  type CatalogChanges,
  type DeliverySubscription,
  type DeliveryWorkerOptions,
  type SubscriptionCatalog,
} from '@hookcast/delivery';
import { HookClient } from '@hookcast/egress';
import {
  Appender,
  createCursors,
  createStreams,
  loadStreams,
  type CursorStart,
  type NewEvent,
  type TopicRef,
} from '@hookcast/log';
import type pg from 'pg';
import { createTestDatabase } from '../support/database.js';
import { hookServer, type HookServer } from '../support/hook-server.js';

export const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

/** A wall clock that stands still until it is told to go on; the monotonic one is real. */
export class TestClock {
  private offset = 0;
  private readonly startedAt = Date.now();
  now = (): number => this.startedAt + this.offset;
  monotonic = (): number => performance.now();
  advance({ seconds }: { seconds: number }): void {
    this.offset += seconds * 1000;
  }
}

/** The catalog of a test: what the broker would read from the control plane. */
class TestCatalog implements SubscriptionCatalog {
  readonly subscriptions = new Map<number, DeliverySubscription>();
  constructor(private readonly pool: pg.Pool) {}

  async load(): Promise<Catalog> {
    const { rows } = await this.pool.query<{ version: string }>('select version from control_state');
    const stored = await this.pool.query<Pick<DeliverySubscription, 'id' | 'state' | 'neverAnswered'>>(
      'select id, state, never_answered as "neverAnswered" from subscriptions',
    );
    const stateOf = new Map(stored.rows.map(({ id, ...state }) => [id, state]));
    return {
      version: Number(rows[0]?.version),
      subscriptions: [...this.subscriptions.values()]
        .filter(({ id }) => stateOf.has(id))
        .map((subscription) => ({ ...subscription, ...stateOf.get(subscription.id) })),
      streams: await loadStreams(this.pool),
    };
  }

  async changes(since: number): Promise<CatalogChanges | undefined> {
    const changes = await controlChangesSince(this.pool, since);
    if (changes === undefined) return undefined;
    const { subscriptions, streams } = await this.load();
    return {
      ...changes,
      subscriptions: subscriptions.filter(({ id }) => changes.subscriptionIds.includes(id)),
      streams: streams.filter(({ topicId }) => changes.topicIds.includes(topicId)),
    };
  }
}

export async function setup() {
  const database = await createTestDatabase();
  const { pool } = database;
  const hooks = await hookServer();
  const clock = new TestClock();
  const catalog = new TestCatalog(pool);
  const appender = new Appender({ pool });
  const topics = new Map<string, TopicRef>();
  const pools: pg.Pool[] = [];
  const clients: HookClient[] = [];
  const workers: DeliveryWorker[] = [];
  const lines: { event: string; fields: Readonly<Record<string, unknown>> }[] = [];
  const log = {
    info: (event: string, fields: Readonly<Record<string, unknown>>) => void lines.push({ event, fields }),
    warn: (event: string, fields: Readonly<Record<string, unknown>>) => void lines.push({ event, fields }),
  };

  const change = async (text: string, values: unknown[] = []) => {
    await pool.query('update control_state set version = version + 1');
    return pool.query(text, values);
  };

  const topic = async (name: string, partitions = 2): Promise<TopicRef> => {
    const made = await change('insert into topics (name, partitions) values ($1, $2) returning id', [name, partitions]);
    const topicId = Number(made.rows[0].id);
    await createStreams(pool, topicId, { from: 0, to: partitions });
    const streams = (await loadStreams(pool)).filter((stream) => stream.topicId === topicId);
    const ref = { topicId, name, retentionDays: 7, streams };
    topics.set(name, ref);
    return ref;
  };

  const subscribe = async (
    name: string,
    options: Partial<DeliverySubscription> & { topics: string[]; start?: CursorStart },
  ): Promise<DeliverySubscription> => {
    const { start = { kind: 'earliest' }, ...given } = options;
    const made = await change(
      `insert into subscriptions (name, topics, url, format, ordering, concurrency, timeout_ms, retry, non_retryable,
         headers, signature, secrets, start_from, never_answered)
       values ($1, $2, $3, 'cloudevents', 'none', 32, 15000, '{}', '{}', '{}', 'hmac', '[]', 'latest', $4) returning id`,
      [name, options.topics, options.url ?? `${hooks.url}/${name}`, options.neverAnswered ?? false],
    );
    const subscription: DeliverySubscription = {
      id: Number(made.rows[0].id),
      name,
      url: `${hooks.url}/${name}`,
      format: 'cloudevents',
      batch: null,
      ordering: 'none',
      concurrency: 32,
      timeoutMs: 5_000,
      retry: { schedule: [1, 5, 30], jitter: 0 },
      nonRetryable: [],
      headers: {},
      signature: 'hmac',
      secrets: [secret],
      signingKeys: [],
      filter: null,
      state: 'active',
      ...given,
    };
    catalog.subscriptions.set(subscription.id, subscription);
    const topicIds = options.topics.map((topicName) => topics.get(topicName)?.topicId ?? 0);
    await createCursors(pool, { subscriptionId: subscription.id, topicIds, start });
    return subscription;
  };

  const publish = async (name: string, events: (Partial<NewEvent> & { data?: Buffer | undefined })[]) => {
    const ref = topics.get(name);
    if (!ref) throw new Error(`no topic ${name}`);
    const result = await appender.append(
      ref,
      events.map((event) => ({
        id: randomUUID(),
        type: name,
        source: `/topics/${name}`,
        contentType: 'application/json',
        attributes: {},
        data: Buffer.from('{"total":12345678901234567890,"rate":1.0}'),
        ...event,
      })),
    );
    if (result.kind !== 'appended') throw new Error(`not appended: ${JSON.stringify(result)}`);
    return result.events;
  };

  /** A worker as a process of its own would have it: own connections, own client. */
  const worker = (options: Partial<DeliveryWorkerOptions> = {}) => {
    const workerPool = createDataPool(database.url, { max: 5 });
    const client = new HookClient({ policy: { allow: ['127.0.0.0/8'] }, connectionsPerOrigin: 128 });
    pools.push(workerPool);
    clients.push(client);
    const made = new DeliveryWorker({
      pool: workerPool,
      client,
      catalog,
      clock,
      log,
      random: () => 0.5,
      ...options,
    });
    workers.push(made);
    return made;
  };

  const close = async () => {
    await Promise.all(workers.map(async (each) => each.stop()));
    await Promise.all(clients.map(async (client) => client.destroy()));
    await Promise.all(pools.filter((each) => !each.ended).map(async (each) => each.end()));
    await appender.stop();
    await hooks.close();
    await database.drop();
  };

  const rows = async <T extends object>(text: string, values: unknown[] = []): Promise<T[]> =>
    (await pool.query<T>(text, values)).rows;

  return { database, pool, hooks, clock, catalog, lines, topic, subscribe, publish, worker, change, rows, close };
}

export type DeliverySetup = Awaited<ReturnType<typeof setup>>;

/** The requests a subscription got, by the path of its hook. */
export const requestsOf = (hooks: HookServer, name: string) =>
  hooks.requests.filter(({ url, method }) => url === `/${name}` && method === 'POST');
