import { requestRedelivery, seekCursors } from '@hookcast/delivery';
import { DayPartitions, createCursors, deleteCursors, deleteStreams, ensureDays, markBacklog } from '@hookcast/log';
import type pg from 'pg';
import { discardDeadLetters, feedDeadLetters } from '../../libs/delivery/src/operations/feed-store.js';
import { until } from '../support/until.js';
import { requestsOf, setup, type DeliverySetup } from './delivery-setup.js';

let run: DeliverySetup;
let id: number;
let streamId: number;
/** All three are stored at once. */
let eventAt: Date;
beforeEach(async () => {
  run = await setup();
  const { streams } = await run.topic('orders.created', 1);
  streamId = streams[0]?.streamId ?? 0;
  ({ id } = await run.subscribe('billing', { topics: ['orders.created'] }));
  await run.publish('orders.created', [{ id: 'a' }, { id: 'b' }, { id: 'c' }]);
  const [event] = await run.rows<{ created_at: Date }>('select created_at from events limit 1');
  eventAt = event?.created_at ?? new Date(0);
});
afterEach(async () => run.close());

/** A settle that has locked the cursor, written what it has to say and is not committed yet. */
async function settleUnderWay(...statements: string[]) {
  const client = await run.pool.connect();
  await client.query('begin');
  await client.query('update cursors set settle_no = settle_no + 1, settled_seq = 3');
  for (const statement of statements) await client.query(statement);
  return {
    client,
    commit: async () => {
      await client.query('commit');
      client.release();
    },
  };
}

/** The work waits for a lock of the client. */
const toWaitFor = async (client: pg.ClientBase) => {
  const { rows: own } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  const blocked = 'select 1 from pg_stat_activity where $1 = any(pg_blocking_pids(pid))';
  await until(async () => (await run.rows(blocked, [own[0]?.pid])).length > 0, { what: 'the work to wait' });
};

// Nothing here reads events: whoever has read them in a transaction keeps their days from going.
const retry = (
  seq: number,
) => `insert into retries (stream_id, subscription_id, seq, event_at, attempt_no, kind, next_at)
  values (${streamId}, ${id}, ${seq}, '${eventAt.toISOString()}', 1, 0, now() + interval '1 hour')`;
const deadLetter = (
  seq: number,
) => `insert into dead_letters (stream_id, subscription_id, seq, dead_at, reason, attempts,
    event_at, event_id, topic)
  values (${streamId}, ${id}, ${seq}, now(), 'exhausted', 1, '${eventAt.toISOString()}', 'an-id', 'orders.created')`;

const inTransaction = async <T>(work: (client: pg.ClientBase) => Promise<T>): Promise<T> => {
  const client = await run.pool.connect();
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    return result;
  } finally {
    client.release();
  }
};

const seekTo = async (seq: number) =>
  inTransaction(async (tx) =>
    seekCursors(tx, id, { targets: [{ streamId, seq, at: new Date(0) }], now: new Date(run.clock.now()) }),
  );

describe('a seek that waits for a settle', () => {
  test('forward, drops the retry that the settle wrote', async () => {
    const settle = await settleUnderWay(retry(2));
    const seek = seekTo(3);
    await toWaitFor(settle.client);
    await settle.commit();
    expect(await seek).toMatchObject({ streams: 1, skipped: 1 });
    expect(await run.rows('select seq from retries')).toEqual([]);
  });

  test('backward, drops the retry and the dead letter that the settle wrote', async () => {
    const settle = await settleUnderWay(retry(2), deadLetter(3));
    const seek = seekTo(0);
    await toWaitFor(settle.client);
    await settle.commit();
    expect(await seek).toMatchObject({ streams: 1, repeated: 3 });
    expect(await run.rows('select seq from retries union all select seq from dead_letters')).toEqual([]);
  });
});

describe('dead letters', () => {
  const operation = () => ({ id: '00000000-0000-4000-8000-00000000000a', subscriptionId: id });

  test('are not sent again when a redelivery succeeds while they are being fed', async () => {
    await run.rows(retry(2));
    await run.rows(deadLetter(2));
    const settle = await settleUnderWay('delete from retries', 'delete from dead_letters');
    const fed = inTransaction(async (tx) => feedDeadLetters(tx, operation(), [[streamId, 2]]));
    await toWaitFor(settle.client);
    await settle.commit();
    expect(await fed).toBe(0);
    expect(await run.rows('select seq from retries')).toEqual([]);
  });

  test('stay when somebody asks for one while they are being discarded', async () => {
    await run.rows(deadLetter(2));
    await run.rows('update cursors set settled_seq = 3');
    const client = await run.pool.connect();
    await client.query('begin');
    const delivery = { streamId, subscriptionId: id, seq: 2, eventAt };
    expect(await requestRedelivery(client, delivery)).toBe('requested');
    const discarded = inTransaction(async (tx) => discardDeadLetters(tx, id, [[streamId, 2]]));
    await toWaitFor(client);
    await client.query('commit');
    client.release();
    expect(await discarded).toBe(0);
    expect(await run.rows('select seq::int from dead_letters')).toEqual([{ seq: 2 }]);
  });
});

describe('a day that goes', () => {
  const later = () => new Date(run.clock.now() + 20 * 86_400_000);
  const goes = async () => new DayPartitions({ pool: run.pool, now: later }).runOnce();
  // Made before, since a new day waits for whoever has read events.
  beforeEach(async () => void (await ensureDays(run.pool, new Date(later().getTime() - 5 * 86_400_000), 15)));

  test('waits for a settle that holds the cursor, and then takes the retry that it wrote', async () => {
    await run.rows(retry(1));
    const settle = await settleUnderWay(retry(2));
    const gone = goes();
    await toWaitFor(settle.client);
    // The settle goes on to a retry of that day: it would wait for the clearing, and the clearing for it.
    await settle.client.query('delete from retries where seq = 1');
    await settle.commit();
    expect(await gone).toMatchObject({ buried: 1 });
    expect(await run.rows('select seq::int, reason from dead_letters')).toEqual([{ seq: 2, reason: 'expired' }]);
  });

  test('leaves no dead letter of a retry that was in flight and succeeded', async () => {
    const worker = run.worker();
    run.hooks.respondWith(({ headers }) => (headers['webhook-id'] === 'b' ? 500 : 204));
    await worker.runOnce();
    let answer = (_status: number) => {};
    const answered = new Promise<number>((resolve) => (answer = resolve));
    run.hooks.respondWith(async () => answered);
    run.clock.advance({ seconds: 2 });
    const round = worker.runOnce();
    await until(() => requestsOf(run.hooks, 'billing').length === 4, { what: 'the retry to be in flight' });
    expect(await goes()).toMatchObject({ buried: 1 });
    answer(204);
    expect(await round).toMatchObject({ delivered: 1 });
    expect(await run.rows('select seq from dead_letters union all select seq from retries')).toEqual([]);
  });
});

describe('beside a settle of several cursors, which takes them in their order,', () => {
  const inTheirOrder = 'from cursors order by stream_id, subscription_id';
  type Place = { stream_id: number; subscription_id: number };
  const touch = async (
    source: Pick<pg.ClientBase, 'query'>,
    { stream_id: stream, subscription_id: subscription }: Place,
  ) =>
    source.query('update cursors set settle_no = settle_no + 1 where stream_id = $1 and subscription_id = $2', [
      stream,
      subscription,
    ]);

  test.each<[string, (tx: pg.ClientBase, topicId: number) => Promise<void>]>([
    ['the deletion of a subscription', async (tx) => deleteCursors(tx, { subscriptionId: id })],
    ['the resume of a backlog at a rate', async (tx) => markBacklog(tx, id)],
    ['the deletion of a topic', async (tx, topicId) => deleteStreams(tx, topicId)],
  ])('%s waits for its turn, and neither fails', async (what, work) => {
    const [before] = await run.rows<Place>(`select stream_id, subscription_id ${inTheirOrder}`);
    const { topicId } = await run.topic('orders.paid', 2);
    await run.subscribe('audit', { topics: ['orders.paid'] });
    await createCursors(run.pool, { subscriptionId: id, topicIds: [topicId], start: { kind: 'earliest' } });
    const all = await run.rows<Place>(`select stream_id, subscription_id ${inTheirOrder}`);
    const settled = what.includes('topic') ? all.slice(1) : all.filter(({ subscription_id: one }) => one === id);
    // Who reads the table as it lies finds them the other way round.
    for (const place of settled.toReversed()) await touch(run.pool, place);
    const client = await run.pool.connect();
    await client.query('begin');
    const [first = before, ...others] = settled;
    if (first) await touch(client, first);
    const done = inTransaction(async (tx) => work(tx, topicId));
    await toWaitFor(client);
    for (const place of others) await touch(client, place);
    await client.query('commit');
    client.release();
    await done;
  });
});
