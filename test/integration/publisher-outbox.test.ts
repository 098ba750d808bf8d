import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { DataSource, EntitySchema } from 'typeorm';
import { createPublisher, type Publisher } from '@hookcast/publisher';
import {
  createOutboxRelay,
  outboxTableSql,
  type OutboxRelay,
  type OutboxRelayOptions,
  type OutboxRound,
} from '@hookcast/publisher/outbox';
import { createEmptyDatabase, type TestDatabase } from '../support/database.js';
import { until } from '../support/until.js';
import { unprovenBlocks } from './readme-code.js';

interface SentEvent {
  id: string;
  partitionkey?: string;
  traceparent?: string;
  data?: { poison?: boolean };
}

/** A broker that keeps what it is sent once for each id, and may be told to be away or to refuse. */
async function broker() {
  const stored: (SentEvent & { topic: string })[] = [];
  const state = { status: 201, requests: 0, onRequest: async () => {}, forbidden: new Set<string>() };
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    const answer = () => {
      const body: unknown = JSON.parse(Buffer.concat(chunks).toString());
      const events = [body].flat() as SentEvent[];
      const topic = request.url?.split('/')[3] ?? '';
      const isBatch = Array.isArray(body);
      const bad = events.findIndex(({ data }) => data?.poison);
      const refuse = (status: number, problem: object) =>
        response.writeHead(status, { 'content-type': 'application/problem+json' }).end(JSON.stringify(problem));
      if (state.forbidden.has(topic)) return refuse(403, { code: 'forbidden' });
      if (topic.startsWith('hookcast.')) return refuse(403, { code: 'topic-reserved' });
      if (state.status !== 201) return response.writeHead(state.status).end();
      if (bad >= 0) {
        const errors = [{ pointer: isBatch ? `/${bad}/data` : '/data', detail: 'does not fit the schema' }];
        return refuse(422, { code: 'schema-mismatch', title: 'Schema', errors });
      }
      const answers = events.map((event) => {
        const at = stored.findIndex(({ id }) => id === event.id);
        if (at < 0) stored.push({ ...event, topic });
        return { id: event.id, topic, position: `1:${at < 0 ? stored.length : at + 1}`, duplicate: at >= 0 };
      });
      return response.writeHead(201).end(JSON.stringify(isBatch ? { events: answers } : answers[0]));
    };
    request.on('end', () => {
      state.requests += 1;
      void state.onRequest().then(answer);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stored,
    state,
    ids: () => stored.map(({ id }) => id),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const Order = new EntitySchema<{ id: string; status: string }>({
  name: 'orders',
  columns: { id: { type: 'text', primary: true }, status: { type: 'text' } },
});
let database: TestDatabase;
let source: DataSource;
let target: Awaited<ReturnType<typeof broker>>;
let bus: Publisher;
const relays: OutboxRelay[] = [];
beforeAll(async () => {
  database = await createEmptyDatabase();
  source = await new DataSource({ type: 'postgres', url: database.url, entities: [Order] }).initialize();
  await database.pool.query(outboxTableSql());
  await database.pool.query('create table orders (id text primary key, status text)');
});
beforeEach(async () => {
  await database.pool.query('truncate hookcast_outbox, orders');
  target = await broker();
  bus = createPublisher({ url: target.url, apiKey: 'good-key', source: '/orders' });
});
afterEach(async () => {
  for (const one of relays.splice(0)) await one.stop();
  await bus.close();
  await target.close();
});
afterAll(async () => {
  await source.destroy();
  await database.drop();
});

function relay(options: Partial<OutboxRelayOptions> = {}): OutboxRelay {
  const made = createOutboxRelay({
    url: target.url,
    apiKey: 'good-key',
    pool: database.pool,
    retry: { baseMs: 1, maxMs: 5 },
    ...options,
  });
  relays.push(made);
  return made;
}

const waitingRows = async () =>
  (await database.pool.query('select event_id, refused_at, refusal from hookcast_outbox order by id')).rows;

async function publishAll(ids: readonly string[], key?: string, data: object = {}): Promise<void> {
  await source.transaction(async (manager) => {
    for (const id of ids) await bus.outbox(manager).publish('orders', data, { id, key });
  });
}

const published = (count: number): OutboxRound => ({ published: count, refused: 0, waiting: 0, isStandby: false });

test('a round reads no more bytes than a request holds, and one event in any case', async () => {
  const ids = ['a', 'b', 'c', 'd', 'e'];
  await publishAll(ids, 'k', { filler: 'x'.repeat(800) });
  const small = relay({ maxBatchBytes: 2_000 });
  expect((await small.runOnce()).published).toBe(2);
  expect((await relay({ maxBatchBytes: 1_100 }).runOnce()).published).toBe(1);
  expect((await small.runOnce()).published).toBe(2);
  expect(target.ids()).toEqual(ids);
});

test('what is committed with the service’s own write is published, with the id that the call returned', async () => {
  const event = await source.transaction(async (manager) => {
    await manager.query("insert into orders values ('o1', 'new')");
    return bus.outbox(manager).publish('orders.created', { orderId: 'o1' }, { key: 'o1' });
  });
  expect(target.stored).toEqual([]);
  expect(await relay().runOnce()).toEqual(published(1));
  expect(target.stored).toMatchObject([
    { id: event.id, topic: 'orders.created', source: '/orders', partitionkey: 'o1', data: { orderId: 'o1' } },
  ]);
  expect(await waitingRows()).toEqual([]);
});

test('a transaction that is rolled back publishes nothing, with TypeORM and with pg', async () => {
  const failing = source.transaction(async (manager) => {
    await bus.outbox(manager).publish('orders', {});
    throw new Error('no order after all');
  });
  await expect(failing).rejects.toThrow('no order after all');
  const client = await database.pool.connect();
  await client.query('begin');
  await bus.outbox(client).publish('orders', {}, { id: 'gone' });
  await client.query('rollback');
  await client.query('begin');
  await bus.outbox(client).publishBatch('orders', [{ id: 'kept-1' }, { id: 'kept-2' }]);
  await client.query('commit');
  client.release();
  expect(await relay().runOnce()).toEqual(published(2));
  expect(target.ids()).toEqual(['kept-1', 'kept-2']);
});

test('outside a transaction it is refused, and an event that is none is told at once', async () => {
  expect(() => bus.outbox(source.manager)).toThrow('not in a transaction');
  expect(() => bus.outbox(database.pool)).toThrow('not in a transaction');
  const bad = source.transaction((manager) => bus.outbox(manager).publish('Not A Topic', {}));
  await expect(bad).rejects.toMatchObject({ reason: 'invalid-event' });
});

test('events of a key keep the order in which their transactions followed each other, whichever began first', async () => {
  await database.pool.query("insert into orders values ('o1', 'new')");
  const early = await database.pool.connect();
  const late = await database.pool.connect();
  await early.query('begin');
  // It has its transaction id, and a number of the sequence, long before it publishes about the order.
  await bus.outbox(early).publish('other', {}, { id: 'early-other' });
  await late.query('begin');
  await late.query("update orders set status = 'paid' where id = 'o1'");
  await bus.outbox(late).publish('orders', {}, { id: 'paid', key: 'o1' });
  const shipping = early.query("update orders set status = 'shipped' where id = 'o1'");
  await late.query('commit');
  await shipping;
  await bus.outbox(early).publish('orders', {}, { id: 'shipped', key: 'o1' });
  const one = relay();
  expect((await one.runOnce()).published).toBe(1);
  await early.query('commit');
  early.release();
  late.release();
  expect((await one.runOnce()).published).toBe(2);
  expect(target.stored.filter(({ topic }) => topic === 'orders').map(({ id }) => id)).toEqual(['paid', 'shipped']);
});

test('a lower number that is committed later is not overlooked', async () => {
  const slow = await database.pool.connect();
  await slow.query('begin');
  await bus.outbox(slow).publish('orders', {}, { id: 'slow' });
  await publishAll(['quick']);
  const one = relay();
  await one.runOnce();
  await slow.query('commit');
  slow.release();
  await one.runOnce();
  expect(target.ids()).toEqual(['quick', 'slow']);
});

test('while the broker is away everything stays, and then goes out in order', async () => {
  const ids = Array.from({ length: 2_300 }, (_, at) => `e${at}`);
  await source.transaction(async (manager) => {
    const outbox = bus.outbox(manager);
    await outbox.publishBatch(
      'orders',
      ids.map((id) => ({ id, key: 'k' })),
    );
  });
  target.state.status = 503;
  const one = relay();
  expect(await one.runOnce()).toEqual({ published: 0, refused: 0, waiting: 1_000, isStandby: false });
  target.state.status = 201;
  expect(await one.runOnce()).toEqual(published(1_000));
  expect(await one.runOnce()).toEqual(published(1_000));
  expect(await one.runOnce()).toEqual(published(300));
  expect(target.ids()).toEqual(ids);
});

test('a key that is refused, or a proxy that knows nothing of events, sets nothing aside', async () => {
  await publishAll(['a', 'b']);
  for (const status of [401, 404, 502]) {
    target.state.status = status;
    expect(await relay().runOnce()).toEqual({ published: 0, refused: 0, waiting: 2, isStandby: false });
  }
});

test('a topic outside of the key’s scope holds up no other, however much of it waits, and is told', async () => {
  const told: unknown[] = [];
  const one = relay({ maxBatchEvents: 10, onError: (error) => told.push(error) });
  target.state.forbidden.add('secret');
  const publish = async (topic: string, names: string[]) =>
    source.transaction(async (manager) =>
      bus.outbox(manager).publishBatch(
        topic,
        names.map((id) => ({ id, key: 'k' })),
      ),
    );
  const secrets = Array.from({ length: 15 }, (_, at) => `s${at}`);
  await publish('secret', secrets);
  await publish('orders', ['a', 'b']);
  expect(await one.runOnce()).toEqual({ published: 0, refused: 0, waiting: 10, isStandby: false });
  expect(told).toMatchObject([{ reason: 'unauthorized', code: 'forbidden', status: 403 }]);
  expect(await one.runOnce()).toEqual(published(2));
  expect(target.ids()).toEqual(['a', 'b']);
  target.state.forbidden.clear();
  await one.flush();
  expect(target.ids()).toEqual(['a', 'b', ...secrets]);
});

test('a key that the broker does not know is told', async () => {
  await publishAll(['a']);
  const told: unknown[] = [];
  target.state.status = 401;
  await relay({ onError: (error) => told.push(error) }).runOnce();
  expect(told).toMatchObject([{ reason: 'unauthorized', status: 401 }]);
});

test('a topic that no key may publish to is set aside', async () => {
  await source.transaction(async (manager) => bus.outbox(manager).publish('hookcast.test', {}, { id: 'never' }));
  await publishAll(['a']);
  expect(await relay().runOnce()).toEqual({ published: 1, refused: 1, waiting: 0, isStandby: false });
});

test('what the broker refuses is set aside where it can be seen, and holds nothing back', async () => {
  await publishAll(['a'], 'k');
  await publishAll(['bad'], 'k', { poison: true });
  await publishAll(['b', 'c'], 'k');
  const rejected: string[] = [];
  const one = relay({ hooks: { onRejected: ({ id, error }) => rejected.push(`${id}: ${error.reason}`) } });
  expect(await one.runOnce()).toEqual({ published: 3, refused: 1, waiting: 0, isStandby: false });
  expect(target.ids()).toEqual(['a', 'b', 'c']);
  expect(rejected).toEqual(['bad: refused']);
  expect(await waitingRows()).toEqual([
    { event_id: 'bad', refused_at: expect.any(Date), refusal: expect.stringContaining('does not fit the schema') },
  ]);
  expect(await one.runOnce()).toEqual(published(0));
});

test('of several relays one has the turn, and another takes it when its connection is gone', async () => {
  await publishAll(['a', 'b'], 'k');
  const second = relay();
  let seen: OutboxRound | undefined;
  target.state.onRequest = async () => {
    target.state.onRequest = async () => {};
    expect((await second.runOnce()).isStandby).toBe(true);
    // As when the machine of the first is cut off: Postgres ends its transaction, and with it the turn.
    await database.pool.query(
      `select pg_terminate_backend(pid) from pg_locks
       where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`,
    );
    seen = await until(async () => {
      const round = await second.runOnce();
      return !round.isStandby && round;
    });
  };
  await expect(relay().runOnce()).rejects.toThrow(/terminat|connection/i);
  expect(seen).toEqual(published(2));
  expect(target.ids()).toEqual(['a', 'b']);
  expect(await waitingRows()).toEqual([]);
});

test('started relays publish everything once and in order, awakened by the commit', async () => {
  const all = [relay({ intervalMs: 600_000 }), relay({ intervalMs: 20 })];
  const [hinted] = all;
  hinted?.start();
  await until(async () => {
    const { rows } = await database.pool.query(
      'select 1 from pg_stat_activity where query = \'listen "hookcast_outbox"\'',
    );
    return rows.length > 0;
  });
  await publishAll(['hint'], 'k');
  await until(() => target.ids().includes('hint'), { what: 'the relay that is only awakened by the hint' });
  all[1]?.start();
  const ids = Array.from({ length: 200 }, (_, at) => `n${at}`);
  for (const id of ids) await publishAll([id], 'k');
  await until(() => target.stored.length === 201);
  expect(target.ids()).toEqual(['hint', ...ids]);
});

test('the outbox as in docs/publishing-modes.md', async () => {
  const [url, apiKey, dataSource, databaseUrl] = [target.url, 'good-key', source, database.url];
  const order = { id: 'o1', status: 'new' };
  /* oxlint-disable no-shadow -- the names of the page */
  // #region README
  const bus = createPublisher({ url, apiKey, source: '/orders' });

  await dataSource.transaction(async (tx) => {
    await tx.save(Order, order);
    await bus.outbox(tx).publish('orders.created', order, { key: order.id });
  });

  const pool = new pg.Pool({ connectionString: databaseUrl });
  const relay = createOutboxRelay({ url, apiKey, pool });
  relay.start();
  // #endregion
  /* oxlint-enable no-shadow */
  await relay.flush();
  await relay.stop();
  await pool.end();
  expect(target.stored).toMatchObject([{ topic: 'orders.created', partitionkey: 'o1', data: order }]);
  await bus.close();
  const page = new URL('../../docs/publishing-modes.md', import.meta.url);
  expect(unprovenBlocks(page, import.meta.url)).toEqual([]);
});

test('flush resolves when all that was committed before is published or set aside', async () => {
  const one = relay();
  await one.flush();
  expect(target.state.requests).toBe(0);
  await source.transaction(async (manager) => {
    const events = Array.from({ length: 2_300 }, (_, at) => ({ id: `e${at}` }));
    await bus.outbox(manager).publishBatch('orders', events);
  });
  await publishAll(['bad'], undefined, { poison: true });
  await one.flush();
  expect(target.stored).toHaveLength(2_300);
  expect(await waitingRows()).toMatchObject([{ event_id: 'bad', refused_at: expect.any(Date) }]);
});

test('flush waits for another relay that has the turn, and for a broker that is away', async () => {
  await publishAll(['a', 'b']);
  target.state.status = 503;
  const other = relay({ intervalMs: 5 });
  other.start();
  const flushed = relay().flush();
  await until(() => target.state.requests > 2);
  target.state.status = 201;
  await flushed;
  expect(target.ids().toSorted()).toEqual(['a', 'b']);
});

test('flush gives up when its time is over, and leaves everything', async () => {
  await publishAll(['a']);
  target.state.status = 503;
  await expect(relay().flush({ timeoutMs: 20 })).rejects.toMatchObject({ reason: 'timeout', retryable: true });
  expect(await waitingRows()).toHaveLength(1);
});

test('a relay goes on after the database and the broker were away', async () => {
  const errors: unknown[] = [];
  const one = relay({ intervalMs: 10, onError: (error) => errors.push(error) });
  await database.pool.query('alter table hookcast_outbox rename to hidden');
  one.start();
  await until(() => errors.length > 0);
  await database.pool.query('alter table hidden rename to hookcast_outbox');
  target.state.status = 503;
  await publishAll(['a']);
  await until(() => target.state.requests > 1);
  target.state.status = 201;
  await until(() => target.stored.length === 1);
  await until(async () => (await waitingRows()).length === 0);
});

test('the caller’s trace travels, and the table may have another name', async () => {
  const outbox = { table: 'events_out', notify: false };
  await database.pool.query(outboxTableSql('events_out'));
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const traced = createPublisher({ url: target.url, apiKey: 'good-key', outbox, trace: () => ({ traceparent }) });
  await source.transaction((manager) => traced.outbox(manager).publish('orders', {}, { id: 't' }));
  await traced.close();
  expect(await relay({ outbox }).runOnce()).toEqual(published(1));
  expect(target.stored).toMatchObject([{ id: 't', traceparent }]);
});
