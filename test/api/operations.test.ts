import { DeliveryWorker } from '@hookcast/delivery';
import { testBroker, type Published, type TestBroker } from '../support/app.js';
import { hookServer, type HookServer } from '../support/hook-server.js';
import { until } from '../support/until.js';

interface Operation {
  id: string | null;
  kind: string;
  status: string;
  total: number;
  done: number;
  failed: number;
  skipped: number;
  waiting: number;
  waitsFor: string | null;
  sample: { eventId: string }[];
  isExact: boolean;
}
interface DeadLetter {
  id: string;
  eventId: string;
  fingerprint: string;
  redriving: boolean;
}
interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

let broker: TestBroker;
let hooks: HookServer;
const answers: Record<string, number> = {};
beforeAll(async () => {
  broker = await testBroker({ settings: { HOOKCAST_ROLE: 'all' } });
  hooks = await hookServer();
  hooks.respondWith(({ url }) => answers[url.slice(1)] ?? 204);
});
afterAll(async () => {
  await broker?.close();
  await hooks?.close();
});

async function subscribe(name: string, more: object = {}): Promise<void> {
  const body = { topics: [`${name}.**`], url: `${hooks.url}/${name}`, retry: { schedule: [] }, ...more };
  const { status, text } = await broker.call('PUT', `/v1/subscriptions/${name}`, body);
  if (status !== 201) throw new Error(text);
}

const requestsOf = (name: string) => hooks.requests.filter(({ url }) => url === `/${name}`);
const deadLetters = async (name: string, query = '') =>
  (await broker.call<Page<DeadLetter>>('GET', `/v1/dead-letters?subscription=${name}&limit=200${query}`)).body.items;

/** Publishes events of which every delivery fails for good. */
async function bury(name: string, count: number): Promise<string[]> {
  answers[name] = 500;
  const ids: string[] = [];
  for (let index = 0; index < count; index += 1) ids.push((await broker.publish(`${name}.x`, { index })).id);
  await until(async () => (await deadLetters(name)).length === count, { what: 'dead letters' });
  return ids;
}

const begin = async (path: string, body: object, headers: Record<string, string> = {}) =>
  broker.call<Operation>('POST', path, body, { headers });
const show = async (id: string | null) => (await broker.call<Operation>('GET', `/v1/operations/${id}`)).body;
const finished = async (id: string | null) =>
  until(
    async () => {
      const operation = await show(id);
      return operation.status === 'pending' || operation.status === 'running' ? undefined : operation;
    },
    { what: 'the end of the operation' },
  );

test('a redrive delivers dead letters again, from the first attempt, and tells how it went', async () => {
  await subscribe('again');
  const ids = await bury('again', 5);
  answers['again'] = 204;
  hooks.requests.length = 0;
  const begun = await begin('/v1/dead-letters/redrive', { subscription: 'again' });
  expect(begun).toMatchObject({ status: 202, body: { kind: 'redrive', total: 5, done: 0, failed: 0 } });
  expect(begun.headers.get('location')).toBe(`/v1/operations/${begun.body.id}`);
  expect(await finished(begun.body.id)).toMatchObject({ status: 'done', total: 5, done: 5, failed: 0, waiting: 0 });
  expect(requestsOf('again').map(({ headers }) => headers['webhook-id'])).toEqual(expect.arrayContaining(ids));
  expect(new Set(requestsOf('again').map(({ headers }) => headers['hookcast-attempt']))).toEqual(new Set(['1']));
  expect(await deadLetters('again')).toEqual([]);
  const { body } = await broker.call('GET', `/v1/subscriptions/again/deliveries/${ids[0]}`);
  expect(body).toMatchObject({ status: 'delivered', attempts: [{ outcome: 'dead' }, { outcome: 'delivered' }] });
});

test('what fails again is a dead letter again, with its history', async () => {
  await subscribe('fails');
  const [id] = await bury('fails', 1);
  const { body } = await begin('/v1/dead-letters/redrive', { subscription: 'fails', ids: [id] });
  expect(await finished(body.id)).toMatchObject({ status: 'done', total: 1, done: 0, failed: 1 });
  expect(await deadLetters('fails')).toMatchObject([{ eventId: id, redriving: false }]);
  const shown = await broker.call<{ attempts: unknown[] }>('GET', `/v1/subscriptions/fails/deliveries/${id}`);
  expect(shown.body.attempts).toHaveLength(2);
});

test('dead letters are chosen by their ids, their fingerprint, their topic or an expression', async () => {
  await subscribe('chosen');
  await bury('chosen', 4);
  const [first, second] = await deadLetters('chosen');
  const total = async (choice: object) =>
    (await begin('/v1/dead-letters/redrive', { subscription: 'chosen', dryRun: true, ...choice })).body.total;
  expect(await total({ ids: [first?.id, second?.eventId, second?.id, 'unknown', 'dl_1_1_999'] })).toBe(2);
  expect(await total({ filter: { fingerprint: first?.fingerprint } })).toBe(4);
  expect(await total({ filter: { fingerprint: 'timeout-00000000' } })).toBe(0);
  expect(await total({ filter: { topic: 'chosen.x', reason: 'exhausted' } })).toBe(4);
  expect(await total({ filter: { topic: 'chosen.y' } })).toBe(0);
  expect(await total({ filter: { from: '2099-01-01T00:00:00Z' } })).toBe(0);
  expect(await total({ filter: { expression: 'data.index >= 2' } })).toBe(2);
  expect(await deadLetters('chosen')).toHaveLength(4);

  answers['chosen'] = 204;
  const filter = { expression: 'data.index >= 2' };
  const { body } = await begin('/v1/dead-letters/redrive', { subscription: 'chosen', filter });
  expect(await finished(body.id)).toMatchObject({ done: 2, skipped: 2 });
  expect(await deadLetters('chosen')).toHaveLength(2);
});

test('the filter of a redrive may be an expression by itself, as everywhere else', async () => {
  await subscribe('expressed');
  const [, second] = await bury('expressed', 3);
  const request = { subscription: 'expressed', filter: 'data.index == 1', dryRun: true };
  const tried = await begin('/v1/dead-letters/redrive', request);
  expect(tried).toMatchObject({ status: 200, body: { total: 1, sample: [{ eventId: second }] } });
  expect(await begin('/v1/dead-letters/discard', { ...request, filter: 'data.index ==' })).toMatchObject({
    status: 422,
    body: { errors: [{ pointer: '/filter' }] },
  });
  const { body } = await begin('/v1/dead-letters/discard', { ...request, dryRun: false });
  expect(await finished(body.id)).toMatchObject({ status: 'done', done: 1 });
  expect(await deadLetters('expressed')).toHaveLength(2);
});

test('a replay that ends before it begins is refused', async () => {
  await subscribe('backwards');
  const range = { from: '2026-01-02T00:00:00Z', to: '2026-01-01T00:00:00Z' };
  expect(await begin('/v1/subscriptions/backwards/replays', range)).toMatchObject({
    status: 422,
    body: { errors: [{ pointer: '/to', detail: 'must be later than from' }] },
  });
});

test('a dry run answers how many and which, and begins nothing', async () => {
  await subscribe('tried');
  const ids = await bury('tried', 2);
  const tried = await begin('/v1/dead-letters/discard', { subscription: 'tried', dryRun: true });
  expect(tried).toMatchObject({ status: 200, body: { id: null, status: 'dry-run', total: 2, isExact: true, done: 0 } });
  expect(tried.body.sample.map(({ eventId }) => eventId).toSorted()).toEqual(ids.toSorted());
  const { body } = await broker.call<Page<Operation>>('GET', '/v1/operations?subscription=tried');
  expect(body.items).toEqual([]);
});

test('a discard lets dead letters go, and the deliveries keep that they were', async () => {
  await subscribe('let-go');
  const [id, kept] = await bury('let-go', 2);
  const { body } = await begin('/v1/dead-letters/discard', { subscription: 'let-go', ids: [id] });
  expect(await finished(body.id)).toMatchObject({ status: 'done', total: 1, done: 1 });
  expect(await deadLetters('let-go')).toMatchObject([{ eventId: kept }]);
  expect((await broker.call('GET', `/v1/subscriptions/let-go/deliveries/${id}`)).body).toMatchObject({
    status: 'discarded',
    attempts: [{ outcome: 'dead' }, { outcome: 'discarded' }],
  });
});

test('a dead letter is shown with its event, and dead letters by their kind of error', async () => {
  await subscribe('grouped');
  await bury('grouped', 3);
  answers['grouped'] = 404;
  const { id } = await broker.publish('grouped.y', { index: 3 });
  await until(async () => (await deadLetters('grouped')).length === 4, { what: 'the fourth dead letter' });
  const [last] = await deadLetters('grouped');
  const shown = await broker.call('GET', `/v1/dead-letters/${last?.id}`);
  expect(shown.body).toMatchObject({
    id: last?.id,
    eventId: id,
    event: { id, data: { index: 3 }, dataEncoding: 'json' },
  });

  const groups = await broker.call<Page<{ fingerprint: string; count: number }>>(
    'GET',
    '/v1/dead-letters/groups?subscription=grouped',
  );
  expect(groups.body.items).toMatchObject([
    {
      subscription: 'grouped',
      count: 1,
      isExact: true,
      sampleError: 'status: 404',
      lastStatus: 404,
      topic: 'grouped.y',
    },
    { subscription: 'grouped', count: 3, isExact: true, sampleError: 'status: 500', reason: 'exhausted' },
  ]);
  const pages: string[] = [];
  for (let cursor = ''; ;) {
    const path = `/v1/dead-letters/groups?subscription=grouped&limit=1${cursor}`;
    const page = (await broker.call<Page<{ fingerprint: string }>>('GET', path)).body;
    pages.push(...page.items.map(({ fingerprint }) => fingerprint));
    if (page.nextCursor === null) break;
    cursor = `&cursor=${page.nextCursor}`;
  }
  expect(pages).toEqual(groups.body.items.map(({ fingerprint }) => fingerprint));
  expect(await deadLetters('grouped', `&fingerprint=${pages[0]}`)).toMatchObject([{ eventId: id }]);
});

test('a redrive of a paused subscription waits, and one of a deleted subscription ends', async () => {
  await subscribe('held');
  await bury('held', 2);
  answers['held'] = 204;
  await broker.call('POST', '/v1/subscriptions/held/pause');
  const { body } = await begin('/v1/dead-letters/redrive', { subscription: 'held' });
  await until(async () => (await show(body.id)).waitsFor === 'the subscription is paused', {
    what: 'the operation to wait',
  });
  expect(await deadLetters('held')).toMatchObject([{ redriving: false }, { redriving: false }]);
  await broker.call('POST', '/v1/subscriptions/held/resume');
  expect(await finished(body.id)).toMatchObject({ status: 'done', done: 2 });

  await bury('held', 2);
  await broker.call('POST', '/v1/subscriptions/held/pause');
  const second = await begin('/v1/dead-letters/redrive', { subscription: 'held' });
  await broker.call('DELETE', '/v1/subscriptions/held');
  expect(await finished(second.body.id)).toMatchObject({ status: 'cancelled', error: 'the subscription was deleted' });
});

test('a redrive leaves out dead letters of a topic that the subscription no longer reads, and ends', async () => {
  await subscribe('moved', { topics: ['moved.x', 'moved.y'] });
  await bury('moved', 2);
  answers['moved'] = 204;
  const body = { topics: ['moved.y'], url: `${hooks.url}/moved`, retry: { schedule: [] } };
  await broker.call('PUT', '/v1/subscriptions/moved', body);
  const { body: begun } = await begin('/v1/dead-letters/redrive', { subscription: 'moved' });
  expect(await finished(begun.id)).toMatchObject({ status: 'done', done: 0, failed: 0, skipped: 2, waiting: 0 });
  expect(await deadLetters('moved')).toMatchObject([{ redriving: false }, { redriving: false }]);
});

test('a cancelled redrive sends nothing more, and what was not sent is a dead letter still', async () => {
  await subscribe('stopped');
  // Fewer than what parks a hook that fails.
  await bury('stopped', 12);
  answers['stopped'] = 204;
  hooks.requests.length = 0;
  const { body } = await begin('/v1/dead-letters/redrive', { subscription: 'stopped', rate: 4 });
  await until(async () => (await show(body.id)).done >= 2, { what: 'first deliveries' });
  const cancelled = await broker.call<Operation>('DELETE', `/v1/operations/${body.id}`);
  expect(cancelled).toMatchObject({ status: 200, body: { status: 'cancelled' } });
  await broker.app.get(DeliveryWorker, { strict: false }).runOnce();
  const sent = requestsOf('stopped').length;
  expect(sent).toBeLessThan(12);
  expect(await deadLetters('stopped')).toHaveLength(12 - sent);
  expect((await deadLetters('stopped')).some(({ redriving }) => redriving)).toBe(false);
  expect((await broker.call('DELETE', `/v1/operations/${body.id}`)).status).toBe(200);
});

test('a replay delivers past events again under the same id, marked and signed anew', async () => {
  await subscribe('replayed');
  const ids: string[] = [];
  for (let index = 0; index < 6; index += 1) ids.push((await broker.publish('replayed.x', { index })).id);
  await until(() => requestsOf('replayed').length === 6, { what: 'first deliveries' });
  expect(requestsOf('replayed').some(({ headers }) => 'hookcast-replay' in headers)).toBe(false);
  await until(
    async () => (await broker.call<{ backlog: number }>('GET', '/v1/subscriptions/replayed')).body.backlog === 0,
    { what: 'an empty backlog' },
  );
  hooks.requests.length = 0;
  const begun = await begin('/v1/subscriptions/replayed/replays', { from: 'earliest', filter: 'data.index > 0' });
  expect(begun).toMatchObject({ status: 202, body: { kind: 'replay', total: 6 } });
  expect(await finished(begun.body.id)).toMatchObject({ status: 'done', total: 6, done: 5, failed: 0, skipped: 1 });
  const requests = requestsOf('replayed');
  expect(new Set(requests.map(({ headers }) => headers['webhook-id']))).toEqual(new Set(ids.slice(1)));
  expect(new Set(requests.map(({ headers }) => headers['hookcast-replay']))).toEqual(new Set(['true']));
  const shown = await broker.call<{ attempts: unknown[] }>('GET', `/v1/subscriptions/replayed/deliveries/${ids[5]}`);
  expect(shown.body).toMatchObject({
    status: 'delivered',
    attempts: [{ outcome: 'delivered' }, { outcome: 'delivered' }],
  });
});

test('the range of a replay is given by times or positions', async () => {
  await subscribe('ranged');
  const events: Published[] = [];
  for (let index = 0; index < 4; index += 1)
    events.push(await broker.publish('ranged.x', { index }, { 'ce-partitionkey': 'k' }));
  const [, second, third] = events.map(({ position }) => position);
  const tried = async (range: object) => {
    const { body } = await begin('/v1/subscriptions/ranged/replays', { dryRun: true, ...range });
    return [body.total, body.sample?.map(({ eventId }) => events.findIndex(({ id }) => id === eventId))];
  };
  expect(await tried({ from: second })).toEqual([3, [1, 2, 3]]);
  expect(await tried({ from: second, to: third })).toEqual([2, [1, 2]]);
  expect(await tried({ from: '2020-01-01T00:00:00Z' })).toEqual([4, [0, 1, 2, 3]]);
  expect(await tried({ from: '2020-01-01T00:00:00Z', to: '2020-01-02T00:00:00Z' })).toEqual([0, []]);
  expect(await tried({ from: 'earliest', filter: 'data.index == 2' })).toEqual([1, [2]]);
});

test('a repeated request begins nothing new, and another one under the same key is refused', async () => {
  await subscribe('once');
  await bury('once', 1);
  const headers = { 'idempotency-key': 'redrive-1' };
  const first = await begin('/v1/dead-letters/redrive', { subscription: 'once' }, headers);
  const second = await begin('/v1/dead-letters/redrive', { subscription: 'once' }, headers);
  expect(second).toMatchObject({ status: 202, body: { id: first.body.id } });
  const other = await begin('/v1/dead-letters/redrive', { subscription: 'once', rate: 1 }, headers);
  expect(other).toMatchObject({ status: 409, body: { code: 'idempotency-key-conflict' } });
  await finished(first.body.id);
});

test('operations are listed, newest first and in pages', async () => {
  const all: string[] = [];
  for (let cursor = ''; ;) {
    const { body } = await broker.call<Page<{ id: string; createdAt: string }>>(
      'GET',
      `/v1/operations?limit=3${cursor}`,
    );
    all.push(...body.items.map(({ id }) => id));
    if (body.nextCursor === null) break;
    cursor = `&cursor=${body.nextCursor}`;
  }
  expect(new Set(all).size).toBe(all.length);
  expect(all.length).toBeGreaterThan(5);
  const replays = await broker.call<Page<Operation>>('GET', '/v1/operations?kind=replay&status=done');
  expect(replays.body.items).toMatchObject([{ kind: 'replay', status: 'done', subscription: 'replayed' }]);
});

test('whoever manages a subscription may look at its operations and cancel them, and nobody else', async () => {
  await subscribe('owned');
  await bury('owned', 1);
  await broker.call('POST', '/v1/subscriptions/owned/pause');
  const key = async (scope: string) => {
    const { body } = await broker.call<{ key: string }>('POST', '/v1/keys', { name: scope, scopes: [scope] });
    return { authorization: `Bearer ${body.key}` };
  };
  const [own, other] = [await key('subscribe:owned.**'), await key('subscribe:elsewhere.**')];
  const ask = async (as: { authorization: string }) =>
    broker.call<Operation>('POST', '/v1/dead-letters/redrive', { subscription: 'owned' }, as);
  expect((await ask(other)).status).toBe(403);
  const { status, body } = await ask(own);
  expect(status).toBe(202);
  const path = `/v1/operations/${body.id}`;
  expect((await broker.call('GET', path, undefined, own)).status).toBe(200);
  expect((await broker.call('GET', path, undefined, other)).status).toBe(403);
  expect((await broker.call('DELETE', path, undefined, other)).status).toBe(403);
  expect((await broker.call('DELETE', path, undefined, own)).body).toMatchObject({ status: 'cancelled' });
});

test.each([
  ['/v1/dead-letters/redrive', { subscription: 'nobody' }, 404, 'subscription-not-found'],
  ['/v1/dead-letters/redrive', {}, 422, 'validation-failed'],
  ['/v1/dead-letters/redrive', { subscription: 'valid', ids: [], rate: 0 }, 422, 'validation-failed'],
  ['/v1/dead-letters/redrive', { subscription: 'valid', ids: ['a'], filter: {} }, 422, 'validation-failed'],
  ['/v1/dead-letters/discard', { subscription: 'valid', filter: { expression: 'data.' } }, 422, 'validation-failed'],
  ['/v1/dead-letters/discard', { subscription: 'valid', filter: { reasons: 'x' } }, 422, 'validation-failed'],
  ['/v1/dead-letters/discard', { subscription: 'valid', filter: { reason: 'exausted' } }, 422, 'validation-failed'],
  ['/v1/subscriptions/nobody/replays', { from: 'earliest' }, 404, 'subscription-not-found'],
  ['/v1/subscriptions/valid/replays', {}, 422, 'validation-failed'],
  ['/v1/subscriptions/valid/replays', { from: 'yesterday' }, 422, 'validation-failed'],
  ['/v1/subscriptions/valid/replays', { from: '999999:1' }, 422, 'validation-failed'],
  ['/v1/subscriptions/valid/replays', { from: 'earliest', to: 'noon' }, 422, 'validation-failed'],
  ['/v1/subscriptions/valid/replays', { from: 'earliest', filter: 'data.' }, 422, 'validation-failed'],
  ['/v1/subscriptions/valid/replays', { from: 'earliest', rate: 1e9 }, 422, 'validation-failed'],
])('POST %s %j answers %i %s', async (path, body, status, code) => {
  if (path.includes('valid') || 'subscription' in body) {
    await broker.call('PUT', '/v1/subscriptions/valid', { topics: ['valid'], url: hooks.url });
  }
  expect(await begin(path, body)).toMatchObject({ status, body: { code } });
});

test.each([
  ['/v1/operations/none', 'operation-not-found'],
  ['/v1/operations/01234567-89ab-4cde-8f01-23456789abcd', 'operation-not-found'],
  ['/v1/dead-letters/none', 'dead-letter-not-found'],
  ['/v1/dead-letters/dl_1_1_1000', 'dead-letter-not-found'],
])('GET %s answers 404 %s', async (path, code) => {
  expect(await broker.call('GET', path)).toMatchObject({ status: 404, body: { code } });
});

test('what was begun is in the audit log, and what was only tried is not', async () => {
  const { body } = await broker.call<Page<{ action: string; target: string }>>(
    'GET',
    '/v1/audit?action=dead-letter.redrive&limit=200',
  );
  expect(body.items).toContainEqual(expect.objectContaining({ target: 'subscription/again' }));
  const tried = await broker.call<Page<unknown>>(
    'GET',
    '/v1/audit?target=subscription/tried&action=dead-letter.discard',
  );
  expect(tried.body.items).toEqual([]);
});
