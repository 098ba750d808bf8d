import { setTimeout as pause } from 'node:timers/promises';
import {
  createPublisher,
  PublishError,
  type Publisher,
  type PublisherOptions,
  type RequestReport,
} from '@hookcast/publisher';
import { until } from '../support/until.js';
import { publishApi, type PublishApi } from './publish-api.js';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

async function setup(
  options: Partial<PublisherOptions> = {},
  apiOptions: Parameters<typeof publishApi>[0] = {},
): Promise<{ api: PublishApi; bus: Publisher; reports: RequestReport[] }> {
  const api = await publishApi(apiOptions);
  const reports: RequestReport[] = [];
  const bus = createPublisher({
    url: api.url,
    apiKey: 'good-key',
    retry: { baseMs: 1, maxMs: 20 },
    hooks: { onRequest: (report) => reports.push(report) },
    ...options,
  });
  open.push(api, { close: () => bus.close({ timeoutMs: 0 }) });
  return { api, bus, reports };
}

/** What a call was rejected with. */
const rejection = async (call: Promise<unknown>): Promise<PublishError> =>
  call.then(
    () => Promise.reject(new Error('the call was not rejected')),
    (error: unknown) => (error instanceof PublishError ? error : Promise.reject(error)),
  );

const ids = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => `e${from + at}`);

test('an event is stored and the caller told where', async () => {
  const { api, bus } = await setup();
  const published = await bus.publish('orders.created', { orderId: 42 }, { id: 'order-42', key: 'customer-7' });
  expect(published).toEqual({ id: 'order-42', topic: 'orders.created', position: '1:1', duplicate: false });
  expect(api.stored).toMatchObject([
    {
      id: 'order-42',
      source: 'urn:hookcast:publisher',
      type: 'orders.created',
      extensions: { partitionkey: 'customer-7' },
    },
  ]);
  expect(api.server.requests[0]?.headers['content-type']).toBe('application/cloudevents+json');
});

test('extensions that are integers and booleans are sent as such, and other numbers as text', async () => {
  const { api, bus } = await setup();
  await bus.publish('t', {}, { extensions: { tries: 3, last: false, large: 3e9, share: 0.5, text: '3' } });
  const [{ body } = { body: Buffer.alloc(0) }] = api.server.requests;
  expect(JSON.parse(body.toString())).toMatchObject({
    tries: 3,
    last: false,
    large: '3000000000',
    share: '0.5',
    text: '3',
  });
});

test('bytes reach the broker as they are, alone and in a batch', async () => {
  const { api, bus } = await setup();
  const json = '{ "n": 12345678901234567890, "f": 1.0 }';
  const png = Buffer.from([0x89, 0x50, 0, 0xff]);
  await bus.publish('t', png, { contentType: 'image/png' });
  await Promise.all([
    bus.publish('t', Buffer.from(json), { contentType: 'application/json' }),
    bus.publish('t', png, { contentType: 'image/png' }),
  ]);
  expect(api.requests().map(({ length }) => length)).toEqual([1, 2]);
  expect(api.stored.map(({ data }) => data?.toString('latin1'))).toEqual([
    png.toString('latin1'),
    json,
    png.toString('latin1'),
  ]);
});

test('publishing an id again is told as a duplicate', async () => {
  const { bus, api } = await setup();
  await bus.publish('t', { n: 1 }, { id: 'same' });
  expect(await bus.publish('t', { n: 1 }, { id: 'same' })).toMatchObject({ position: '1:1', duplicate: true });
  expect(api.stored).toHaveLength(1);
});

test('calls of one turn share a request; those made while it is in flight share the next', async () => {
  const { api, bus } = await setup({ maxRequestsPerTopic: 1 });
  const release = api.hold();
  const first = ids(0, 5).map((id) => bus.publish('t', {}, { id }));
  await until(() => api.server.requests.length === 1);
  const second = ids(5, 8).map((id) => bus.publish('t', {}, { id }));
  release();
  await Promise.all([...first, ...second]);
  expect(api.requests()).toEqual([ids(0, 5), ids(5, 8)]);
});

test('a request holds at most 1,000 events', async () => {
  const { api, bus } = await setup();
  await Promise.all(ids(0, 2_500).map((id) => bus.publish('t', {}, { id })));
  expect(api.requests().map(({ length }) => length)).toEqual([1_000, 1_000, 500]);
});

test('no more requests are in flight than allowed, for a topic and altogether', async () => {
  const { api, bus } = await setup({ maxRequests: 3, maxRequestsPerTopic: 2, maxBatchEvents: 1 });
  const release = api.hold();
  const calls = ['t1', 't2', 't3'].flatMap((topic) =>
    ids(0, 4).map((id) => bus.publish(topic, {}, { id: `${topic}-${id}` })),
  );
  await until(() => api.server.requests.length === 3);
  const inFlight = api.server.requests.map(({ url }) => url.split('/')[3]);
  expect(Math.max(...['t1', 't2', 't3'].map((topic) => inFlight.filter((one) => one === topic).length))).toBe(2);
  release();
  await Promise.all(calls);
  expect(api.stored).toHaveLength(12);
});

test('events of one key are stored in the order of the calls, through failures too', async () => {
  const { api, bus } = await setup({ maxBatchEvents: 7 });
  api.server.answer(503, { reset: true }, 500);
  const events = Array.from({ length: 200 }, (_, at) => ({ id: `e${at}`, key: `k${at % 5}` }));
  await Promise.all(events.map(({ id, key }) => bus.publish('t', {}, { id, key })));
  for (const key of ['k0', 'k1', 'k2', 'k3', 'k4']) {
    const ofKey = (all: { id: string; key: string }[]) => all.filter((one) => one.key === key).map(({ id }) => id);
    const stored = api.stored.map(({ id, extensions }) => ({ id, key: extensions['partitionkey'] ?? '' }));
    expect(ofKey(stored)).toEqual(ofKey(events));
  }
});

test('a lane that ends as new calls come sends one request at a time all the same', async () => {
  let inFlight = 0;
  let most = 0;
  const { api, bus } = await setup({ maxRequestsPerTopic: 1 });
  api.server.respondWith(async (request) => {
    inFlight += 1;
    most = Math.max(most, inFlight);
    await pause(2);
    inFlight -= 1;
    const events = [JSON.parse(request.body.toString()) as { id: string } | { id: string }[]].flat();
    const results = events.map(({ id }) => ({ id, position: '1:1' }));
    return { status: 201, body: JSON.stringify(results.length === 1 ? results[0] : { events: results }) };
  });
  const microtasks = async (count: number) => {
    for (let turn = 0; turn < count; turn += 1) await Promise.resolve();
  };
  for (let turns = 0; turns < 20; turns += 1) {
    await bus.publish('t', {});
    // Into whichever microtask of the lane's end this falls:
    await microtasks(turns);
    const next = bus.publish('t', {});
    await microtasks(5);
    await Promise.all([next, bus.publish('t', {})]);
  }
  expect(most).toBe(1);
});

test.each([
  ['that names the guilty event', true],
  ['that names none', false],
])('a refusal %s rejects only the guilty call', async (_, namesGuilty) => {
  const { api, bus } = await setup({ maxRequestsPerTopic: 1 }, { namesGuilty });
  const calls = ids(0, 50).map((id) => bus.publish('t', {}, { id, ...(id === 'e33' ? { subject: 'poison' } : {}) }));
  const results = await Promise.allSettled(calls);
  expect(results.flatMap(({ status }, at) => (status === 'rejected' ? [at] : []))).toEqual([33]);
  expect(results[33]).toMatchObject({
    reason: { reason: 'refused', code: 'validation-failed', status: 422, retryable: false, eventId: 'e33' },
  });
  expect(api.stored.map(({ id }) => id)).toEqual([...ids(0, 33), ...ids(34, 50)]);
});

test.each([true, false])('a conflict rejects only the call whose id it is (named: %s)', async (namesGuilty) => {
  const { api, bus } = await setup({}, { namesGuilty });
  await bus.publish('t', { version: 1 }, { id: 'e2' });
  const results = await Promise.allSettled(ids(0, 5).map((id) => bus.publish('t', { version: 2 }, { id })));
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
  expect(results[2]).toMatchObject({
    reason: { reason: 'conflict', code: 'event-id-conflict', problem: { instance: 'req-1' } },
  });
  expect(api.stored).toHaveLength(5);
});

test('a request that the broker finds too large is halved until it fits', async () => {
  const { api, bus, reports } = await setup({ maxRequestsPerTopic: 1 }, { maxBatchEvents: 4 });
  await Promise.all(ids(0, 16).map((id) => bus.publish('t', {}, { id })));
  expect(api.stored.map(({ id }) => id)).toEqual(ids(0, 16));
  expect(reports.map(({ outcome, events }) => `${outcome} ${events}`)).toEqual([
    'split 16',
    'split 8',
    'stored 4',
    'stored 4',
    'split 8',
    'stored 4',
    'stored 4',
  ]);
});

test('two calls with one id and other data: the first is stored, the second refused', async () => {
  const { bus } = await setup();
  const results = await Promise.allSettled([1, 2].map((n) => bus.publish('t', { n }, { id: 'same', key: 'k' })));
  expect(results).toMatchObject([{ status: 'fulfilled' }, { reason: { reason: 'conflict' } }]);
});

test('a batch is one request and its results are in order', async () => {
  const { api, bus } = await setup();
  const results = await bus.publishBatch('t', [
    { data: 1, id: 'a' },
    { data: 'two', contentType: 'text/plain', id: 'b' },
  ]);
  expect(results.map(({ id, position }) => [id, position])).toEqual([
    ['a', '1:1'],
    ['b', '1:2'],
  ]);
  expect(api.requests()).toEqual([['a', 'b']]);
  expect(await bus.publishBatch('t', [])).toEqual([]);
});

test('a batch with a bad event stores nothing and says which it was', async () => {
  const { api, bus } = await setup();
  const error = await rejection(bus.publishBatch('t', [{ id: 'a' }, { id: 'b', subject: 'poison' }]));
  expect(error).toMatchObject({ reason: 'refused', status: 422, eventId: undefined });
  expect(error.problem?.errors).toEqual([{ pointer: '/1/subject', detail: 'is refused by the test' }]);
  expect(api.stored).toEqual([]);
});

test.each([
  ['a 503', 503, 'unavailable'],
  ['a 429', 429, 'rate-limited'],
  ['a 408', 408, 'unavailable'],
  ['a reset connection', { reset: true }, 'unreachable'],
  ['an answer that is none of the broker', { status: 200, body: '<html>' }, 'bad-answer'],
  [
    'an answer cut short',
    { status: 201, headers: { 'content-length': '900' }, body: '{"id"', reset: false },
    'unreachable',
  ],
] as const)('after %s the same event is sent again', async (_, answer, reason) => {
  const { api, bus, reports } = await setup({ requestTimeoutMs: 300 });
  api.server.answer(answer, answer);
  await bus.publish('t', { n: 1 });
  expect(reports.map(({ outcome, attempt }) => [outcome, attempt])).toEqual([
    ['retry', 1],
    ['retry', 2],
    ['stored', 3],
  ]);
  expect(reports[0]?.reason).toBe(reason);
  const sent = api.server.requests.map((request) => request.body.toString());
  expect(new Set(sent).size).toBe(1);
  expect(api.requests()[0]).toEqual([api.stored[0]?.id]);
});

test('an answer that never comes is given up after requestTimeoutMs', async () => {
  const { api, bus, reports } = await setup({ requestTimeoutMs: 50 });
  api.server.answer({ hang: true });
  await bus.publish('t', {});
  expect(reports.map(({ outcome, reason }) => [outcome, reason])).toEqual([
    ['retry', 'unreachable'],
    ['stored', undefined],
  ]);
});

test('Retry-After is waited for, for the whole topic', async () => {
  const { api, bus } = await setup();
  api.server.answer({ status: 503, headers: { 'retry-after': '1' } });
  const first = bus.publish('t', {});
  await until(() => api.server.requests.length === 1);
  await Promise.all([first, bus.publish('t', {})]);
  const [refused, next] = api.server.requests;
  expect((next?.at.getTime() ?? 0) - (refused?.at.getTime() ?? 0)).toBeGreaterThanOrEqual(990);
  expect(api.stored).toHaveLength(2);
});

test('a wait that no call can survive rejects at once with what the broker said', async () => {
  const { api, bus } = await setup({ timeoutMs: 500 });
  api.server.answer({
    status: 429,
    headers: { 'retry-after': '3600' },
    body: '{"code":"quota","detail":"enough for today"}',
  });
  expect(await rejection(bus.publish('t', {}, { id: 'mine' }))).toMatchObject({
    reason: 'rate-limited',
    code: 'quota',
    status: 429,
    retryable: true,
    eventId: 'mine',
    message: 'The broker answered 429: enough for today',
  });
});

test('a broker that stays away is given up after maxAttempts', async () => {
  const { bus } = await setup({ url: 'http://127.0.0.1:9', maxAttempts: 3 });
  const error = await rejection(bus.publish('t', {}));
  expect(error).toMatchObject({ reason: 'unreachable', code: 'unreachable', status: undefined, retryable: true });
  expect(error.cause).toMatchObject({ code: 'ECONNREFUSED' });
});

test('a call ends after timeoutMs even while its request is in flight, with the last failure as its cause', async () => {
  const { api, bus } = await setup({ timeoutMs: 150 });
  api.server.answer(500, { hang: true });
  const error = await rejection(bus.publish('t', {}));
  expect(error).toMatchObject({ reason: 'timeout', status: 500, retryable: true });
  expect(bus.buffered).toEqual({ events: 0, bytes: 0 });
});

test('a connection that the broker closed while it lay idle is no failure', async () => {
  const { api, bus, reports } = await setup();
  await bus.publish('t', {});
  api.server.answer({ reset: true });
  await bus.publish('t', {});
  expect(reports.map(({ outcome }) => outcome)).toEqual(['stored', 'stored']);
});

test('an aborted call is rejected with the reason and frees its place', async () => {
  const { api, bus } = await setup({ maxRequestsPerTopic: 1 });
  const release = api.hold();
  const inFlight = bus.publish('t', {}, { id: 'a' });
  await until(() => api.server.requests.length === 1);
  const controller = new AbortController();
  const queued = rejection(bus.publish('t', {}, { id: 'b', signal: controller.signal }));
  const reason = new Error('changed my mind');
  controller.abort(reason);
  expect(await queued).toMatchObject({ reason: 'aborted', cause: reason });
  expect(await rejection(bus.publish('t', {}, { signal: AbortSignal.abort(reason) }))).toMatchObject({
    reason: 'aborted',
  });
  release();
  await inFlight;
  await bus.flush();
  expect(api.stored.map(({ id }) => id)).toEqual(['a']);
});

test('a full buffer rejects, and takes events again once there is room', async () => {
  const { api, bus } = await setup({ maxBufferedEvents: 2 });
  const release = api.hold();
  const held = [bus.publish('t', {}), bus.publish('t', {})];
  expect(await rejection(bus.publish('t', {}))).toMatchObject({ reason: 'buffer-full', retryable: true });
  release();
  await Promise.all(held);
  await bus.publish('t', {});
  expect(api.stored).toHaveLength(3);
});

test('with whenFull: wait a call waits for room', async () => {
  const { api, bus } = await setup({ maxBufferedEvents: 2, whenFull: 'wait' });
  await Promise.all(ids(0, 50).map((id) => bus.publish('t', {}, { id })));
  expect(api.stored.map(({ id }) => id)).toEqual(ids(0, 50));
  expect(Math.max(...api.requests().map(({ length }) => length))).toBe(2);
});

test('an event over the size of a request is refused without being sent', async () => {
  const { api, bus } = await setup({ maxBatchBytes: 1_000 });
  expect(await rejection(bus.publish('t', 'x'.repeat(1_000)))).toMatchObject({
    reason: 'too-large',
    status: undefined,
  });
  const batch = [{ data: 'x'.repeat(600) }, { data: 'x'.repeat(600) }];
  expect(await rejection(bus.publishBatch('t', batch))).toMatchObject({ reason: 'too-large' });
  expect(api.server.requests).toEqual([]);
});

test('a wrong key rejects every call and is not retried', async () => {
  const { api, bus } = await setup({ apiKey: 'wrong-key' });
  const errors = await Promise.all([rejection(bus.publish('t', {})), rejection(bus.publish('t', {}))]);
  expect(errors).toMatchObject([
    { reason: 'unauthorized' },
    { reason: 'unauthorized', code: 'unauthenticated', status: 401 },
  ]);
  expect(api.server.requests).toHaveLength(1);
});

test('flush waits for the calls made so far, whatever becomes of them', async () => {
  const { api, bus } = await setup();
  const release = api.hold();
  const settled: string[] = [];
  void bus.publish('t', {}, { id: 'a' }).then(() => settled.push('a'));
  void bus.publish('t', {}, { id: 'b', subject: 'poison' }).catch(() => settled.push('b'));
  const flushed = bus.flush().then(() => settled.push('flushed'));
  release();
  await flushed;
  expect(settled.toSorted()).toEqual(['a', 'b', 'flushed']);
  await bus.flush();
});

test('close waits for what is under way and takes nothing more', async () => {
  const { api, bus } = await setup();
  const release = api.hold();
  const inFlight = bus.publish('t', {});
  await until(() => api.server.requests.length === 1);
  const closed = bus.close();
  expect(await rejection(bus.publish('t', {}))).toMatchObject({ reason: 'closed', retryable: false });
  release();
  expect(await inFlight).toMatchObject({ position: '1:1' });
  await closed;
});

test('close rejects what is not settled when its time is up', async () => {
  const { bus } = await setup({ url: 'http://127.0.0.1:9' });
  const call = rejection(bus.publish('t', {}, { id: 'late' }));
  await bus.close({ timeoutMs: 20 });
  expect(await call).toMatchObject({ reason: 'closed', eventId: 'late' });
});

test('what a hook throws does not disturb publishing', async () => {
  const { bus } = await setup({
    hooks: {
      onRequest: () => {
        throw new Error('metrics are down');
      },
    },
  });
  expect(await bus.publish('t', {})).toMatchObject({ duplicate: false });
});

test('a path in the url is kept in front', async () => {
  const { api, bus } = await setup();
  const behindProxy = createPublisher({ url: `${api.url}/bus/`, apiKey: 'good-key' });
  await rejection(behindProxy.publish('t', {}));
  expect(api.server.requests[0]?.url).toBe('/bus/v1/topics/t/events');
  await behindProxy.close();
  await bus.close();
});
