import { DeliveryWorker } from '@hookcast/delivery';
import { DayPartitions, type Position } from '@hookcast/log';
import { Reconciler } from '../../apps/broker/src/reconciliation/reconciler.js';
import { ReconciliationLoop } from '../../apps/broker/src/reconciliation/reconciliation-loop.js';
import { testBroker, type TestBroker } from '../support/app.js';
import { hookServer, type HookServer } from '../support/hook-server.js';
import { until } from '../support/until.js';

interface Step {
  events: number;
  unchecked: number;
  deliveries: Record<string, number>;
  violations: { kind: string; subscription: string | null; position: string | null; eventId: string | null }[];
  nextCursor: string | null;
}

let broker: TestBroker;
let hook: HookServer;
beforeEach(async () => {
  hook = await hookServer();
  broker = await testBroker({ settings: { HOOKCAST_ROLE: 'all', HOOKCAST_DEFAULT_PARTITIONS: '2' } });
});
afterEach(async () => {
  await broker?.close();
  await hook?.close();
});

const sql = async (text: string, params: unknown[] = []) => broker.database.pool.query(text, params);

/** Everything, as `hookcast doctor` asks for it. */
async function reconcile(limit = 2_000, at = broker): Promise<Omit<Step, 'nextCursor'> & { steps: number }> {
  const none = { events: 0, unchecked: 0, steps: 0 };
  const total = { ...none, deliveries: {} as Record<string, number>, violations: [] as Step['violations'] };
  for (let cursor: string | null = ''; cursor !== null; total.steps += 1) {
    const request: object = { limit, ...(cursor !== '' && { cursor }) };
    const { body, status }: { body: Step; status: number } = await at.call('POST', '/v1/reconciliations', request);
    expect(status).toBe(200);
    total.events += body.events;
    total.unchecked += body.unchecked;
    total.violations.push(...body.violations);
    for (const [state, count] of Object.entries(body.deliveries)) {
      total.deliveries[state] = (total.deliveries[state] ?? 0) + count;
    }
    cursor = body.nextCursor;
  }
  return total;
}

const kinds = async () => (await reconcile()).violations.map(({ kind }) => kind).toSorted();

async function subscribe(name: string, rest: object = {}): Promise<void> {
  const put = await broker.call('PUT', `/v1/subscriptions/${name}`, {
    topics: ['t'],
    url: `${hook.url}/${name}`,
    ...rest,
  });
  expect(put.status).toBeLessThan(300);
  await broker.app.get(DeliveryWorker, { strict: false }).reload();
}

/** Waits until everything is settled in the database. */
async function settled(): Promise<void> {
  const open = async () => {
    const { rows } = await sql(
      'select from cursors c join streams s using (stream_id) where c.settled_seq < s.head_seq',
    );
    return rows.length === 0;
  };
  await until(open, { what: 'everything settled' });
}

const publish = async (count: number, data: (index: number) => unknown = (n) => ({ n })) => {
  for (let index = 0; index < count; index += 1) await broker.publish('t', data(index));
};

test('nothing is wrong with deliveries of every kind', async () => {
  await subscribe('plain');
  await subscribe('picky', { filter: 'data.n > 2' });
  await subscribe('failing', { nonRetryable: [400] });
  hook.respondWith(({ url, body }) => {
    if (!url.endsWith('/failing')) return 204;
    const [, n = ''] = /"n":(\d)/.exec(body.toString()) ?? [];
    return n === '0'
      ? 400
      : n === '1'
        ? 500
        : n === '2'
          ? { status: 200, headers: { 'hookcast-verdict': 'drop' } }
          : 204;
  });
  await publish(6);
  await broker.publish('t', { n: 9 }, { 'ce-deliverat': new Date(Date.now() + 3_600_000).toISOString() });
  await settled();
  await subscribe('paused');
  await broker.call('POST', '/v1/subscriptions/paused/pause');
  await publish(1);
  await settledExcept('paused');
  const found = await reconcile();
  expect(found.violations).toEqual([]);
  expect(found.events).toBe(8);
  // Delivered: plain 7, picky 3, failing 3. Its filter kept 4 back from picky. The delayed event waits for the first
  // three, the last one for the paused subscription.
  expect(found.deliveries).toEqual({
    delivered: 7 + 3 + 3,
    'no-trace': 4,
    dead: 2,
    retrying: 1,
    dropped: 1,
    waiting: 3 + 1,
  });
});

async function settledExcept(name: string): Promise<void> {
  const open = async () => {
    const { rows } = await sql(
      `select from cursors c join streams s using (stream_id) join subscriptions u on u.id = c.subscription_id
       where c.settled_seq < s.head_seq and u.name <> $1`,
      [name],
    );
    return rows.length === 0;
  };
  await until(open, { what: 'everything settled' });
}

test('a small limit takes more steps and finds the same', async () => {
  await subscribe('plain');
  await publish(25);
  await settled();
  const found = await reconcile(7);
  expect(found).toMatchObject({ events: 25, violations: [], deliveries: { delivered: 25 } });
  expect(found.steps).toBeGreaterThan(2);
});

describe('finds what was planted:', () => {
  beforeEach(async () => {
    await subscribe('plain');
    await publish(10);
    await settled();
    expect(await kinds()).toEqual([]);
  });

  test('a cursor moved ahead of what was delivered', async () => {
    await broker.call('POST', '/v1/subscriptions/plain/pause');
    await broker.app.get(DeliveryWorker, { strict: false }).reload();
    await publish(2);
    await sql('update cursors c set settled_seq = s.head_seq from streams s where s.stream_id = c.stream_id');
    const { violations } = await reconcile();
    const lost = violations.filter(({ kind }) => kind === 'no-trace');
    expect(lost).toHaveLength(2);
    expect(lost[0]).toMatchObject({
      subscription: 'plain',
      eventId: expect.any(String),
      position: expect.stringMatching(/^\d+:\d+$/),
    });
    expect(violations.map(({ kind }) => kind)).toContain('counters-short');
  });

  test('by steps that have no time but for one page each', async () => {
    await broker.call('POST', '/v1/subscriptions/plain/pause');
    await broker.app.get(DeliveryWorker, { strict: false }).reload();
    await publish(6);
    await sql('update cursors c set settled_seq = s.head_seq from streams s where s.stream_id = c.stream_id');
    const whole = await reconcile();
    const reconciler = broker.app.get(Reconciler, { strict: false });
    const steps = [];
    for (let place: Position | undefined, isMore = true; isMore; isMore = place !== undefined) {
      const step = await reconciler.step(place, { limit: 2_000, namespace: 'default', budgetMs: 0 });
      steps.push(step);
      place = step.next;
    }
    // One stream each.
    expect(steps.length).toBeGreaterThan(1);
    expect(steps.reduce((sum, { events }) => sum + events, 0)).toBe(whole.events);
    const found = steps.flatMap(({ violations }) => violations);
    expect(found.filter(({ kind }) => kind === 'no-trace')).toHaveLength(6);
    expect(found).toEqual(expect.arrayContaining(whole.violations));
    expect(found).toHaveLength(whole.violations.length);
  });

  test('positions marked as settled above the low-water mark', async () => {
    await broker.call('POST', '/v1/subscriptions/plain/pause');
    await broker.app.get(DeliveryWorker, { strict: false }).reload();
    await publish(8);
    await sql(
      `update cursors c set above = int8multirange(int8range(s.head_seq, s.head_seq + 1)) from streams s
       where s.stream_id = c.stream_id and s.head_seq > c.settled_seq + 1`,
    );
    expect(await kinds()).toContain('no-trace');
  });

  test('a cursor beyond the end of its stream', async () => {
    await sql('update cursors set settled_seq = settled_seq + 100');
    expect(await kinds()).toContain('cursor-ahead');
  });

  test('a retry that is gone', async () => {
    hook.respondWith(() => 500);
    await publish(2);
    await until(async () => (await sql('select from retries')).rowCount === 2, { what: 'two retries' });
    expect(await kinds()).toEqual([]);
    await broker.call('POST', '/v1/subscriptions/plain/pause');
    await broker.app.get(DeliveryWorker, { strict: false }).reload();
    await sql('delete from retries');
    const found = await kinds();
    expect(found.filter((kind) => kind === 'retry-lost')).toHaveLength(2);
    expect(found).toContain('counters-short');
  });

  test('an event that is gone from the middle, and one from the end', async () => {
    const { rows } = await sql(
      'select stream_id, head_seq::int as head from streams where head_seq > 2 order by head_seq desc limit 1',
    );
    const [{ stream_id: streamId, head }] = rows;
    await sql('delete from events where stream_id = $1 and seq in (2, $2)', [streamId, head]);
    const { violations } = await reconcile();
    expect(violations.map(({ kind, position }) => [kind, position])).toEqual([
      ['event-missing', `${streamId}:2`],
      ['event-missing', `${streamId}:${head}`],
    ]);
  });

  test('an event that is gone from between two pages', async () => {
    const { rows } = await sql('select stream_id from streams where head_seq > 2 order by head_seq desc limit 1');
    await sql('delete from events where stream_id = $1 and seq = 2', [rows[0].stream_id]);
    const { violations } = await reconcile(1);
    expect(violations.map(({ kind, position }) => [kind, position])).toEqual([
      ['event-missing', `${rows[0].stream_id}:2`],
    ]);
  });

  test('dead letters that are gone, tried or not, and none that was discarded', async () => {
    hook.respondWith(() => 400);
    await subscribe('plain', { nonRetryable: [400] });
    await publish(2);
    await broker.publish('t', {}, { 'ce-expirytime': '2020-01-01T00:00:00Z' });
    const buried = async () => (await sql('select from dead_letters')).rowCount;
    await until(async () => (await buried()) === 3, { what: 'three dead letters' });
    const [one] = (await sql("select event_id from dead_letters where reason <> 'expired' order by seq, stream_id"))
      .rows;
    await broker.call('POST', '/v1/dead-letters/discard', { subscription: 'plain', ids: [one.event_id] });
    await until(async () => (await buried()) === 2, { what: 'one that is discarded' });
    expect(await kinds()).toEqual([]);
    await sql('delete from dead_letters');
    expect(await kinds()).toEqual(['dead-letter-lost', 'no-trace']);
  });

  test('a stream that nobody can own', async () => {
    await sql('delete from assignments where stream_id = (select min(stream_id) from assignments)');
    expect(await kinds()).toContain('assignment-missing');
  });

  test('a cursor that is gone', async () => {
    await sql('delete from cursors where stream_id = (select min(stream_id) from cursors)');
    expect(await kinds()).toEqual(['cursor-missing']);
  });

  test('attempts that are gone, also by sampling, which counts and logs them', async () => {
    await sql('delete from attempts');
    const loop = broker.app.get(ReconciliationLoop, { strict: false });
    const { violations } = await loop.runOnce();
    expect(violations).toBeGreaterThan(0);
    expect(loop.totals.violations).toBe(violations);
    expect(broker.lines.filter((line) => line.includes('"reconciliation.violation"')).length).toBeGreaterThan(0);
  });

  test('an event that a new filter would have wanted, and no filter kept back', async () => {
    await sql('delete from attempts where seq = 1');
    await subscribe('plain', { filter: 'data.n >= 0' });
    expect(await kinds()).toContain('no-trace');
  });
});

describe('a loss does not hide behind a delivery that was repeated', () => {
  const lose = async () => {
    await broker.call('POST', '/v1/subscriptions/plain/pause');
    await broker.app.get(DeliveryWorker, { strict: false }).reload();
    await publish(1);
    await sql('update cursors c set settled_seq = s.head_seq from streams s where s.stream_id = c.stream_id');
  };
  const delivered = async (count: number) => {
    const isSo = async () => (await sql('select sum(delivered)::int as sum from cursors')).rows[0].sum === count;
    await until(isSo, { what: `${count} deliveries` });
    expect(await kinds()).toEqual([]);
  };
  beforeEach(async () => {
    await broker.call('PUT', '/v1/topics/t', { partitions: 1 });
    await subscribe('plain', { nonRetryable: [400] });
    await publish(2);
    await delivered(2);
  });

  test('by a replay', async () => {
    await broker.call('POST', '/v1/subscriptions/plain/replays', { from: 'earliest' });
    await delivered(4);
    await lose();
    expect(await kinds()).toContain('counters-short');
  });

  test('by a seek backward', async () => {
    await broker.call('POST', '/v1/subscriptions/plain/seek', { to: 'earliest' });
    await delivered(4);
    await lose();
    expect(await kinds()).toContain('counters-short');
  });

  test('by a redrive, and one by hand', async () => {
    hook.respondWith(() => 400);
    await publish(1);
    await until(async () => (await sql('select from dead_letters')).rowCount === 1, { what: 'a dead letter' });
    hook.respondWith(() => 204);
    await broker.call('POST', '/v1/dead-letters/redrive', { subscription: 'plain' });
    await delivered(3);
    const { rows } = await sql('select event_id from events where seq = 1');
    const again = await broker.call('POST', `/v1/subscriptions/plain/deliveries/${rows[0].event_id}/retry`);
    expect(again.status).toBeLessThan(300);
    await delivered(4);
    await lose();
    expect(await kinds()).toContain('counters-short');
  });

  test('while what was asked for again still waits', async () => {
    hook.respondWith(() => 500);
    await broker.call('POST', '/v1/subscriptions/plain/replays', { from: 'earliest' });
    await until(async () => (await sql('select from retries')).rowCount === 2, { what: 'the replay to be fed' });
    expect(await kinds()).toEqual([]);
    await lose();
    expect(await kinds()).toContain('counters-short');
  });
});

describe('raises no alarm', () => {
  test('for what a filter kept back that has been replaced since', async () => {
    await subscribe('picky', { filter: 'data.n > 100' });
    await publish(4);
    await settled();
    await subscribe('picky', { filter: 'data.n >= 0' });
    await subscribe('picky');
    expect(await reconcile()).toMatchObject({ violations: [], deliveries: { 'no-trace': 4 } });
  });

  test('for a subscription that begins amid events', async () => {
    await publish(5);
    await subscribe('late');
    await publish(3);
    await settled();
    expect(await reconcile()).toMatchObject({ violations: [], deliveries: { delivered: 3 } });
  });

  test('for a dead letter that a seek has brought before another filter', async () => {
    hook.respondWith(() => 400);
    await subscribe('plain', { nonRetryable: [400] });
    await publish(1);
    await until(async () => (await sql('select from dead_letters')).rowCount === 1, { what: 'a dead letter' });
    await subscribe('plain', { nonRetryable: [400], filter: 'data.n > 100' });
    await broker.call('POST', '/v1/subscriptions/plain/seek', { to: 'earliest' });
    await settled();
    expect(await reconcile()).toMatchObject({ violations: [], deliveries: { 'dead-letter-lost': 1 } });
  });

  test('when days go before they are settled', async () => {
    await subscribe('plain');
    await broker.call('POST', '/v1/subscriptions/plain/pause');
    await broker.app.get(DeliveryWorker, { strict: false }).reload();
    await publish(5);
    const later = () => new Date(Date.now() + 9 * 86_400_000);
    await new DayPartitions({ pool: broker.database.pool, now: later }).runOnce();
    // As it would be nine days later, by the clock of the database too.
    await sql("update streams set head_at = head_at - interval '9 days' where head_seq > 0");
    expect(await reconcile()).toMatchObject({ violations: [], events: 0 });
  });

  test('for a retry that is given up with its day', async () => {
    await subscribe('plain');
    hook.respondWith(() => 500);
    await publish(1);
    await until(async () => (await sql('select from retries')).rowCount === 1, { what: 'a retry' });
    const later = () => new Date(Date.now() + 9 * 86_400_000);
    await new DayPartitions({ pool: broker.database.pool, now: later }).runOnce();
    await sql("update streams set head_at = head_at - interval '9 days' where head_seq > 0");
    expect((await sql('select reason from dead_letters')).rows).toEqual([{ reason: 'expired' }]);
    expect(await reconcile()).toMatchObject({ violations: [] });
  });

  test('for a retry by hand of a delayed event, which was never counted before', async () => {
    await subscribe('plain');
    const later = new Date(Date.now() + 3_600_000).toISOString();
    await broker.publish('t', {}, { 'ce-deliverat': later });
    await until(async () => (await sql('select from retries')).rowCount === 1, { what: 'it to wait' });
    const { rows } = await sql('select event_id from events');
    const asked = await broker.call('POST', `/v1/subscriptions/plain/deliveries/${rows[0].event_id}/retry`);
    expect(asked.status).toBeLessThan(300);
    await until(async () => (await sql('select from cursors where delivered = 1')).rowCount === 1, {
      what: 'it to come',
    });
    expect(await reconcile()).toMatchObject({ violations: [], deliveries: { delivered: 1 } });
  });

  test('under a flood, with failing hooks, while subscriptions come, change and go', async () => {
    let failures = 0;
    hook.respondWith(() => ((failures += 1) % 5 === 0 ? 500 : 204));
    await subscribe('steady', { retry: { schedule: [1, 1, 1], jitter: 0 } });
    const end = new AbortController();
    const flood = async () => {
      while (!end.signal.aborted) await publish(1, () => ({ n: Math.floor(Math.random() * 10) }));
    };
    const churn = async () => {
      for (let round = 0; !end.signal.aborted; round += 1) {
        await subscribe('changing', { filter: `data.n > ${round % 10}` });
        await subscribe(`passing-${round % 3}`, { startFrom: 'earliest' });
        await broker.call('DELETE', `/v1/subscriptions/passing-${(round + 1) % 3}`);
      }
    };
    const work = [flood(), flood(), churn()];
    const reconciler = broker.app.get(Reconciler, { strict: false });
    const seen: unknown[] = [];
    for (let round = 0; round < 6; round += 1) {
      seen.push(...(await reconcile(500)).violations, ...(await reconciler.sample(300, Math.random)).violations);
    }
    end.abort();
    await Promise.all(work);
    expect(seen).toEqual([]);
    expect((await reconcile()).violations).toEqual([]);
  });
});

test('where only failures are recorded, a delivery that came through at last raises no alarm', async () => {
  const frugal = await testBroker({ settings: { HOOKCAST_ROLE: 'all', HOOKCAST_ATTEMPT_LOG: 'failures' } });
  try {
    let failures = 0;
    hook.respondWith(() => ((failures += 1) === 1 ? 500 : 204));
    const body = { topics: ['t'], url: `${hook.url}/late`, retry: { schedule: [1], jitter: 0 } };
    await frugal.call('PUT', '/v1/subscriptions/late', body);
    await frugal.publish('t', {});
    const { pool } = frugal.database;
    const delivered = async () => (await pool.query('select from cursors where delivered = 1')).rowCount === 1;
    await until(delivered, { what: 'the second attempt' });
    expect(await reconcile(2_000, frugal)).toMatchObject({ events: 1, violations: [], unchecked: 1 });
  } finally {
    await frugal.close();
  }
});

test('is for admins, and refuses cursors that are none', async () => {
  const key = await broker.call<{ key: string }>('POST', '/v1/keys', { name: 'reader', scopes: ['read'] });
  const answer = await broker.call('POST', '/v1/reconciliations', {}, { authorization: `Bearer ${key.body.key}` });
  expect(answer.status).toBe(403);
  expect((await broker.call('POST', '/v1/reconciliations', { cursor: 'x' })).status).toBe(422);
  expect((await broker.call('POST', '/v1/reconciliations', { limit: 0 })).status).toBe(422);
});
