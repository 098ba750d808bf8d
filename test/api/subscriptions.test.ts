import { parseSecret, verify } from '@hookcast/protocol';
import { testBroker, type TestBroker } from '../support/app.js';
import { hookServer, type HookServer } from '../support/hook-server.js';

interface Subscription {
  name: string;
  secret?: string;
  secretHint: string;
  state: string;
  backlog: number;
  updatedAt: string;
}

const url = 'http://127.0.0.1:3000/hooks';
const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAbCd';

let broker: TestBroker;
let hooks: HookServer;
beforeAll(async () => {
  broker = await testBroker();
  hooks = await hookServer();
});
afterAll(async () => {
  await hooks?.close();
  await broker?.close();
});

const put = async (name: string, body: object) => broker.call<Subscription>('PUT', `/v1/subscriptions/${name}`, body);
const get = async (name: string) => broker.call<Subscription>('GET', `/v1/subscriptions/${name}`);

test('subscriptions are found by a part of their name, which is no pattern', async () => {
  for (const name of ['find-a_b', 'find-axb']) await put(name, { topics: ['x'], url });
  const found = async (search: string) => {
    const { body } = await broker.call<{ items: { name: string }[] }>('GET', `/v1/subscriptions?search=${search}`);
    return body.items?.map(({ name }) => name);
  };
  expect([await found('find-'), await found('a_b'), await found('ind-ax')]).toEqual([
    ['find-a_b', 'find-axb'],
    ['find-a_b'],
    ['find-axb'],
  ]);
  expect((await broker.call('GET', '/v1/subscriptions?search=%25')).status).toBe(422);
});

test('only topics and url are required; everything else has the documented default', async () => {
  const { status, body } = await put('billing', { topics: ['orders.created', 'orders.*', 'payments.**'], url });
  expect(status).toBe(201);
  expect(body).toMatchObject({
    name: 'billing',
    service: null,
    topics: ['orders.created', 'orders.*', 'payments.**'],
    url,
    filter: null,
    format: 'cloudevents',
    batch: null,
    ordering: 'none',
    concurrency: 32,
    rateLimit: null,
    timeoutMs: 15_000,
    retry: {
      schedule: [1, 5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 43_200, 86_400, 86_400],
      jitter: 0.2,
    },
    nonRetryable: [400, 413, 422],
    headers: {},
    signature: 'hmac',
    startFrom: 'latest',
    leaseSeconds: null,
    state: 'active',
    stateReason: null,
    backlog: 0,
    oldestPendingAt: null,
    inFlight: 0,
    successRate: null,
    p95Ms: null,
  });
  expect(parseSecret(body.secret ?? '').kind).toBe('hmac');
});

test('the same body twice changes nothing, and both answers carry the secret', async () => {
  const body = { topics: ['same.*'], url, secret, headers: { 'x-team': 'b', 'x-a': 'c' }, retry: { schedule: [0.5] } };
  const first = await put('same', body);
  const second = await put('same', body);
  expect([first.status, second.status]).toEqual([201, 200]);
  expect(second.body).toEqual(first.body);
  expect(second.body.secret).toBe(secret);
});

test('GET shows a hint of the secret and never the secret', async () => {
  await put('hinted', { topics: ['hinted'], url, secret });
  const { text, body } = await get('hinted');
  expect(body.secretHint).toBe('whsec_…AbCd');
  expect(text).not.toContain(secret);
  expect((await broker.call('GET', '/v1/subscriptions')).text).not.toContain(secret);
  const { rows } = await broker.database.pool.query<{ secrets: unknown }>('select secrets from subscriptions');
  expect(JSON.stringify(rows)).not.toContain(secret.slice(6, 30));
  expect(broker.lines.join('')).not.toContain(secret.slice(6, 30));
});

test('a PUT replaces: what it leaves out gets its default again, but the secret stays', async () => {
  await put('replaced', { topics: ['a.*'], url, concurrency: 3, format: 'standard-webhooks', secret });
  const { status, body } = await put('replaced', { topics: ['b.*'], url });
  expect(status).toBe(200);
  expect(body).toMatchObject({ topics: ['b.*'], concurrency: 32, format: 'cloudevents', secret });
});

test('subscribing to a topic by name makes it exist', async () => {
  await put('maker', { topics: ['made.by.subscription', 'wild.*'], url });
  expect((await broker.call('GET', '/v1/topics/made.by.subscription')).status).toBe(200);
});

test.each([
  ['latest', undefined, 0],
  ['earliest', 'earliest', 2],
  ['a time before', '2020-01-01T00:00:00Z', 2],
  ['a time after', '2099-01-01T00:00:00Z', 0],
])('startFrom %s decides what is in the backlog', async (label, startFrom, backlog) => {
  const topic = `start.${label.replaceAll(' ', '-')}`;
  await broker.publish(topic, 1);
  await broker.publish(topic, 2);
  await put(topic, { topics: [topic], url, ...(startFrom && { startFrom }) });
  expect((await get(topic)).body.backlog).toBe(backlog);
  await broker.publish(topic, 3);
  expect((await get(topic)).body).toMatchObject({ backlog: backlog + 1, oldestPendingAt: expect.any(String) });
});

test('events of a topic that appears later are not missed', async () => {
  await put('early', { topics: ['later.**'], url });
  await broker.publish('later.topic.one', 1);
  await broker.publish('later.topic.two', 1);
  expect((await get('early')).body.backlog).toBe(2);
});

test('a changed pattern drops the backlog of what no longer matches, and keeps the rest', async () => {
  await put('moving', { topics: ['kept.one', 'left.one'], url });
  await broker.publish('kept.one', 1);
  await broker.publish('left.one', 1);
  await put('moving', { topics: ['kept.one'], url });
  expect((await get('moving')).body.backlog).toBe(1);
});

test('pause and resume change the state, and repeating them is harmless', async () => {
  await put('paused', { topics: ['paused.*'], url });
  const pause = async (action: string) => broker.call<Subscription>('POST', `/v1/subscriptions/paused/${action}`);
  expect(await pause('pause')).toMatchObject({ status: 200, body: { state: 'paused' } });
  expect(await pause('pause')).toMatchObject({ status: 200, body: { state: 'paused' } });
  expect((await put('paused', { topics: ['paused.*'], url, concurrency: 5 })).body.state).toBe('paused');
  expect(await pause('resume')).toMatchObject({ status: 200, body: { state: 'active' } });
  expect(await pause('resume')).toMatchObject({ status: 200, body: { state: 'active' } });
  expect((await pause('resume')).text).not.toContain('"secret"');
});

test('a suspended subscription is revived by a new address, not by the old one', async () => {
  await put('gone', { topics: ['gone.*'], url });
  await broker.database.pool.query(
    `update subscriptions set state = 'suspended', state_reason = 'gone' where name = 'gone'`,
  );
  expect((await put('gone', { topics: ['gone.*'], url, concurrency: 2 })).body.state).toBe('suspended');
  const revived = await put('gone', { topics: ['gone.*'], url: 'http://127.0.0.1:3001/hooks' });
  expect(revived.body).toMatchObject({ state: 'active', stateReason: null });
});

test('DELETE removes a subscription and what waited for it', async () => {
  await put('deleted', { topics: ['deleted.topic'], url });
  await broker.publish('deleted.topic', 1);
  expect(await broker.call('DELETE', '/v1/subscriptions/deleted')).toMatchObject({ status: 204, text: '' });
  expect(await get('deleted')).toMatchObject({ status: 404, body: { code: 'subscription-not-found' } });
  expect((await broker.call('DELETE', '/v1/subscriptions/deleted')).status).toBe(404);
  const { rows } = await broker.database.pool.query(
    'select from cursors where subscription_id not in (select id from subscriptions)',
  );
  expect(rows).toEqual([]);
});

test('lists filter by service, topic and state, in pages', async () => {
  for (const name of ['l-a', 'l-b', 'l-c']) await put(name, { topics: ['listed.*'], url, service: 'lister' });
  await broker.call('POST', '/v1/subscriptions/l-b/pause');
  const names = async (query: string) => {
    const { body } = await broker.call<{ items: Subscription[]; nextCursor: string | null }>(
      'GET',
      `/v1/subscriptions?${query}`,
    );
    return [body.items.map(({ name }) => name), body.nextCursor] as const;
  };
  expect(await names('service=lister')).toEqual([['l-a', 'l-b', 'l-c'], null]);
  expect(await names('service=lister&state=paused')).toEqual([['l-b'], null]);
  expect(await names('topic=listed.one')).toEqual([['l-a', 'l-b', 'l-c'], null]);
  expect(await names('topic=listed.one.two')).toEqual([[], null]);
  const [first, cursor] = await names('topic=listed.one&limit=2');
  expect(first).toEqual(['l-a', 'l-b']);
  expect(await names(`topic=listed.one&limit=2&cursor=${cursor}`)).toEqual([['l-c'], null]);
});

test('what is missing is said to be required, and a wrong header is named as it was written', async () => {
  expect(await put('faulty', {})).toMatchObject({
    status: 422,
    body: {
      errors: [
        { pointer: '/topics', detail: 'is required' },
        { pointer: '/url', detail: 'is required' },
      ],
    },
  });
  for (const [name, pointer] of [
    ['a b', 'a b'],
    ['50%/x', '50%~1x'],
    ['a~\tb', 'a~0\tb'],
  ] as const) {
    expect(await put('faulty', { topics: ['a'], url, headers: { [name]: 'x' } })).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: `/headers/${pointer}`, detail: 'is not a header name' }] },
    });
  }
});

test('a rotated secret is shown once, and the old one goes on signing for its grace', async () => {
  await put('rotated', { topics: ['rotated.*'], url: hooks.url, secret });
  const rotation = await broker.call<Subscription>('POST', '/v1/subscriptions/rotated/rotate-secret', {
    graceSeconds: 60,
  });
  expect(rotation.status).toBe(200);
  const next = rotation.body.secret ?? '';
  expect(next).not.toBe(secret);
  await broker.call('POST', '/v1/subscriptions/rotated/test');
  const request = hooks.requests.at(-1);
  if (!request) throw new Error('no request');
  for (const one of [secret, next]) expect(verify(request, { secrets: [one] })).toEqual({ kind: 'verified' });
});

test('a rotation is not repeated under one Idempotency-Key', async () => {
  await put('once', { topics: ['once.*'], url });
  const rotate = async (key: string, graceSeconds = 0) => {
    const options = { headers: { 'idempotency-key': key } };
    return broker.call<Subscription>('POST', '/v1/subscriptions/once/rotate-secret', { graceSeconds }, options);
  };
  const first = await rotate('key-1');
  expect((await rotate('key-1')).body.secret).toBe(first.body.secret);
  const second = await rotate('key-2');
  expect(second.body.secret).not.toBe(first.body.secret);
  for (const late of [await rotate('key-1'), await rotate('key-2', 60)]) {
    expect(late).toMatchObject({ status: 409, body: { code: 'idempotency-key-conflict' } });
  }
  expect((await rotate('key-2')).body.secret).toBe(second.body.secret);
});

test('the test event is signed and says what the hook answered', async () => {
  await put('tested', {
    topics: ['tested.*'],
    url: `${hooks.url}/in`,
    secret,
    signature: 'both',
    headers: { 'x-team': 'b' },
  });
  hooks.answer({ status: 418, body: `teapot${'x'.repeat(3000)}` });
  const { status, body } = await broker.call<{ eventId: string; response: string }>(
    'POST',
    '/v1/subscriptions/tested/test',
  );
  expect(status).toBe(200);
  expect(body).toMatchObject({ status: 418, durationMs: expect.any(Number), error: null });
  expect(body.response).toHaveLength(1024);
  const request = hooks.requests.at(-1);
  if (!request) throw new Error('no request');
  expect(request.headers).toMatchObject({
    'webhook-id': body.eventId,
    'hookcast-subscription': 'tested',
    'x-team': 'b',
    'user-agent': expect.stringMatching(/^Hookcast\//),
  });
  const keys = await broker.call<{ keys: { publicKey: string }[] }>('GET', '/.well-known/hookcast-keys.json');
  const publicKeys = keys.body.keys.map(({ publicKey }) => publicKey);
  expect(verify(request, { secrets: [secret] })).toEqual({ kind: 'verified' });
  expect(verify(request, { publicKeys })).toEqual({ kind: 'verified' });
});

test('the test of a hook that cannot be reached says so', async () => {
  await put('unreachable', { topics: ['unreachable.*'], url: 'http://127.0.0.1:1/' });
  const refused = await broker.call('PUT', '/v1/subscriptions/unreachable', {
    topics: ['a'],
    url: 'http://127.0.0.1:1/',
  });
  expect(refused.status).toBe(422);
  await put('unreachable', { topics: ['unreachable.*'], url: 'http://127.0.0.1:49151/' });
  const answer = await broker.call('POST', '/v1/subscriptions/unreachable/test');
  expect(answer).toMatchObject({
    status: 200,
    body: { status: null, response: '', error: expect.stringMatching(/^refused/) },
  });
});

const valid = { topics: ['a.*'], url };

test.each([
  ['an unknown field', { ...valid, colour: 'red' }, ['/colour']],
  ['several faults at once', { topics: 'a', url: 5, extra: 1 }, ['/extra', '/topics', '/url']],
  ['nothing', {}, ['/topics', '/url']],
  ['no topics', { ...valid, topics: [] }, ['/topics']],
  ['a topic that is no pattern', { ...valid, topics: ['a', 'b.**.c'] }, ['/topics/1']],
  ['a topic of a wrong type', { ...valid, topics: [null] }, ['/topics/0']],
  ['one topic twice', { ...valid, topics: ['a', 'a'] }, ['/topics']],
  ['a relative URL', { ...valid, url: '/hooks' }, ['/url']],
  ['another scheme', { ...valid, url: 'ftp://example.com/' }, ['/url']],
  ['a URL with a password', { ...valid, url: 'http://u:p@127.0.0.1/' }, ['/url']],
  ['a URL with a control character', { ...valid, url: 'http://127.0.0.1/\0' }, ['/url']],
  ['an over-long URL', { ...valid, url: `http://127.0.0.1/${'x'.repeat(2048)}` }, ['/url']],
  ['an unknown format', { ...valid, format: 'xml' }, ['/format']],
  ['a concurrency of nothing', { ...valid, concurrency: 0 }, ['/concurrency']],
  ['a concurrency as text', { ...valid, concurrency: '3' }, ['/concurrency']],
  ['null for a number', { ...valid, concurrency: null }, ['/concurrency']],
  ['a timeout beyond the limit', { ...valid, timeoutMs: 600_000 }, ['/timeoutMs']],
  ['a negative wait', { ...valid, retry: { schedule: [1, -1] } }, ['/retry/schedule/1']],
  ['an unknown retry field', { ...valid, retry: { attempts: 3 } }, ['/retry/attempts']],
  ['a retry that is an array', { ...valid, retry: [] }, ['/retry']],
  ['jitter above one', { ...valid, retry: { jitter: 1.5 } }, ['/retry/jitter']],
  ['a status that is none', { ...valid, nonRetryable: [400, 999] }, ['/nonRetryable/1']],
  ['a header the broker sets', { ...valid, headers: { 'webhook-id': 'x' } }, ['/headers/webhook-id']],
  ['a header with a line break', { ...valid, headers: { 'x-a': 'b\r\nc: d' } }, ['/headers/x-a']],
  ['headers that are no object', { ...valid, headers: [] }, ['/headers']],
  ['a secret that is none', { ...valid, secret: 'hunter2' }, ['/secret']],
  ['a private key as secret', { ...valid, secret: `whsk_${'A'.repeat(43)}=` }, ['/secret']],
  ['an unknown signature', { ...valid, signature: 'md5' }, ['/signature']],
  ['an empty batch', { ...valid, batch: { maxEvents: 0 } }, ['/batch/maxEvents']],
  [
    'too large a batch',
    { ...valid, batch: { maxEvents: 1_001, maxBytes: 10 } },
    ['/batch/maxBytes', '/batch/maxEvents'],
  ],
  ['a batch without a size', { ...valid, batch: {} }, ['/batch/maxEvents']],
  ['an unknown order', { ...valid, ordering: 'fifo' }, ['/ordering']],
  ['a start that is none', { ...valid, startFrom: 'tomorrow' }, ['/startFrom']],
  ['a lease of nothing', { ...valid, leaseSeconds: 0 }, ['/leaseSeconds']],
  ['a service that is no name', { ...valid, service: 'Billing!' }, ['/service']],
])('%s is refused and stores nothing', async (_, body, pointers) => {
  const answer = await broker.call<{ errors: { pointer: string }[] }>('PUT', '/v1/subscriptions/refused', body);
  expect(answer).toMatchObject({ status: 422, body: { code: 'validation-failed' } });
  expect([...new Set(answer.body.errors.map(({ pointer }) => pointer))].toSorted()).toEqual(pointers);
  expect((await get('refused')).status).toBe(404);
  expect(answer.text).not.toContain('hunter2');
});

test('batches and orders are stored, and given back as they are', async () => {
  const { body } = await put('batched', { ...valid, batch: { maxEvents: 10 }, ordering: 'key' });
  expect(body).toMatchObject({ batch: { maxEvents: 10, maxBytes: 1_048_576 }, ordering: 'key' });
  const again = await put('batched', { ...valid, batch: { maxBytes: 1_048_576, maxEvents: 10 }, ordering: 'key' });
  expect(again.body).toMatchObject({ updatedAt: (body as { updatedAt: string }).updatedAt });
  expect((await put('batched', { ...valid, ordering: 'strict' })).body).toMatchObject({
    batch: null,
    ordering: 'strict',
  });
});

test.each(['cloudevents-binary', 'standard-webhooks'])('a batch in format %s is refused', async (format) => {
  expect(await put('refused', { ...valid, format, batch: { maxEvents: 10 } })).toMatchObject({
    status: 422,
    body: { code: 'validation-failed', errors: [{ pointer: '/batch', detail: 'needs format cloudevents' }] },
  });
});

test('a filter is stored, and a wrong one refused with its place', async () => {
  const filter = "data.total > 100 && subject.startsWith('eu/')";
  expect((await put('filtered', { ...valid, filter })).body).toMatchObject({ filter });
  expect((await put('filtered', { ...valid, filter: null })).body).toMatchObject({ filter: null });
  const answer = await put('filtered', { ...valid, filter: 'data.total > 1 &&\n  subjct == 1' });
  expect(answer).toMatchObject({
    status: 422,
    body: {
      code: 'validation-failed',
      errors: [{ pointer: '/filter', detail: expect.stringMatching(/^line 2, column 3: unknown attribute subjct/) }],
    },
  });
});

test('a rate is stored, a resume may drain at one of its own, and both are shown', async () => {
  expect((await put('limited', { ...valid, rateLimit: 2.5 })).body).toMatchObject({ rateLimit: 2.5, drainRate: null });
  for (const rateLimit of [0, -1, 'fast', 1e9]) {
    expect((await put('limited', { ...valid, rateLimit })).status).toBe(422);
  }
  await broker.call('POST', '/v1/subscriptions/limited/pause');
  const resumed = await broker.call('POST', '/v1/subscriptions/limited/resume', { drainRate: 10 });
  expect(resumed).toMatchObject({ status: 200, body: { state: 'active', drainRate: 10, toDrain: 0, parked: null } });
  const again = await broker.call('POST', '/v1/subscriptions/limited/resume', {});
  expect(again).toMatchObject({ status: 200, body: { drainRate: null } });
  expect((await broker.call('POST', '/v1/subscriptions/limited/resume', { drainRate: 0 })).status).toBe(422);
});

test.each([
  'http://169.254.169.254/latest/meta-data',
  'http://metadata.google.internal/',
  'http://10.1.2.3/',
  'http://[fd00::1]/',
  'http://0x0a010203/',
  'http://[::ffff:10.0.0.1]/',
])('the hook %s is forbidden', async (address) => {
  const answer = await put('refused', { ...valid, url: address });
  expect(answer).toMatchObject({
    status: 422,
    body: { code: 'hook-address-forbidden', errors: [{ pointer: '/url' }] },
  });
});

test('two declarations at once end as one subscription', async () => {
  const answers = await Promise.all(
    Array.from({ length: 8 }, async () => put('raced', { topics: ['raced.*'], url, secret })),
  );
  expect(answers.map(({ status }) => status).filter((status) => status === 201)).toHaveLength(1);
  expect(new Set(answers.map(({ body }) => body.updatedAt)).size).toBe(1);
});
