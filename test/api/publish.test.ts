import { testBroker, type Published, type TestBroker } from '../support/app.js';

const structuredType = 'application/cloudevents+json';
const batchType = 'application/cloudevents-batch+json';

interface Shown {
  data: unknown;
  attributes: Record<string, string>;
}

let broker: TestBroker;
beforeAll(async () => {
  broker = await testBroker();
});
afterAll(async () => {
  await broker?.close();
});

const post = async <T = Published>(topic: string, body: unknown, headers: Record<string, string> = {}, query = '') =>
  broker.call<T>('POST', `/v1/topics/${topic}/events${query}`, body, { headers });
const show = async (id: string) => (await broker.call<Shown>('GET', `/v1/events/${id}`)).body;
const countOf = async (topic: string) =>
  (await broker.call<{ items: unknown[] }>('GET', `/v1/topics/${topic}/events?limit=200`)).body.items.length;
const batch = (...events: object[]) =>
  JSON.stringify(events.map((event) => ({ specversion: '1.0', source: '/s', type: 't', ...event })));

test('201 names the event and its place', async () => {
  const answer = await post('orders.created', { orderId: 42 });
  expect(answer.status).toBe(201);
  expect(Object.keys(answer.body)).toEqual(['id', 'topic', 'position', 'duplicate']);
  expect(answer.body).toMatchObject({ topic: 'orders.created', duplicate: false });
  expect(answer.body.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  expect(answer.body.position).toMatch(/^\d+:\d+$/);
  expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
  expect(answer.headers.get('x-request-id')).toBeTruthy();
});

test('the CloudEvents headers of the binary form are honoured', async () => {
  const { status } = await post('binary', 'a,b\r\n', {
    'content-type': 'text/csv; charset=utf-8',
    'ce-id': 'binary-1',
    'ce-source': '/shop',
    'ce-type': 'com.example.csv',
    'ce-subject': 'caf%C3%A9',
    'ce-time': '2024-02-29T12:00:00Z',
    'ce-dataschema': 'https://example.com/schema',
    'ce-partitionkey': 'customer-7',
    'ce-tenant': 'acme',
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  });
  expect(status).toBe(201);
  expect(await show('binary-1')).toMatchObject({
    type: 'com.example.csv',
    source: '/shop',
    subject: 'café',
    dataEncoding: 'text',
    data: 'a,b\r\n',
    attributes: {
      datacontenttype: 'text/csv; charset=utf-8',
      dataschema: 'https://example.com/schema',
      partitionkey: 'customer-7',
      tenant: 'acme',
      time: '2024-02-29T12:00:00Z',
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    },
  });
});

test('what is left out of the binary form comes from the topic', async () => {
  const { body } = await post('defaults', { a: 1 });
  expect(await show(body.id)).toMatchObject({ type: 'defaults', source: '/topics/defaults', subject: null });
});

test('bytes that are neither JSON nor text come back in base64', async () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
  const { body } = await post('bytes', bytes, { 'content-type': 'application/octet-stream' });
  expect(await show(body.id)).toMatchObject({ dataEncoding: 'base64', data: Buffer.from(bytes).toString('base64') });
});

test.each([
  ['binary', 'application/json', '{"n": 12345678901234567890, "x":1.0,\n "s":"\\u00e9"}', (text: string) => text],
  [
    'structured',
    structuredType,
    '[12345678901234567890, 1.0]',
    (text: string) => `{"specversion":"1.0","id":"exact","source":"/s","type":"t","data":${text}}`,
  ],
])('JSON keeps its text in %s form', async (form, type, data, body) => {
  const { body: published } = await post(`exact.${form}`, body(data), { 'content-type': type });
  const shown = await broker.call('GET', `/v1/events/${published.id}?topic=exact.${form}`);
  expect(shown.text).toContain(`"data":${data}`);
  const { rows } = await broker.database.pool.query<{ data: Buffer }>('select data from events where event_id = $1', [
    published.id,
  ]);
  expect(rows[0]?.data.toString()).toBe(data);
});

test('a structured event needs no id, and takes base64', async () => {
  const event = { specversion: '1.0', source: '/s', type: 't', datacontenttype: 'image/png', data_base64: 'AAEC' };
  const { status, body } = await post('structured', JSON.stringify(event), { 'content-type': structuredType });
  expect(status).toBe(201);
  expect(await show(body.id)).toMatchObject({ dataEncoding: 'base64', data: 'AAEC', type: 't' });
});

test('a batch answers in order', async () => {
  const ids = Array.from({ length: 1000 }, (_, index) => `batch-${index}`);
  const answer = await post<{ events: Published[] }>('batch', batch(...ids.map((id) => ({ id, data: { id } }))), {
    'content-type': `${batchType}; charset=utf-8`,
  });
  expect(answer.status).toBe(201);
  expect(answer.body.events.map(({ id }) => id)).toEqual(ids);
  expect(answer.body.events.every(({ topic, duplicate }) => topic === 'batch' && !duplicate)).toBe(true);
  expect(new Set(answer.body.events.map(({ position }) => position)).size).toBe(1000);
});

test('the same id with the same bytes is the same event', async () => {
  const first = await post('dedupe', { a: 1 }, { 'ce-id': 'once' });
  const again = await post('dedupe', { a: 1 }, { 'ce-id': 'once' });
  expect(again).toMatchObject({ status: 201, body: { ...first.body, duplicate: true } });
  const byKey = await post('dedupe', { a: 1 }, { 'idempotency-key': 'once' });
  expect(byKey.body).toEqual(again.body);
  expect(await countOf('dedupe')).toBe(1);
});

test('the same id with other bytes is a conflict, and nothing of the request is stored', async () => {
  await post('conflict', { a: 1 }, { 'ce-id': 'taken' });
  const answer = await post('conflict', { a: 2 }, { 'ce-id': 'taken' });
  expect(answer).toMatchObject({ status: 409, body: { code: 'event-id-conflict' } });
  expect(answer.text).toContain('taken');
  const inBatch = await post('conflict', batch({ id: 'fresh', data: 1 }, { id: 'taken', data: 3 }), {
    'content-type': batchType,
  });
  expect(inBatch.status).toBe(409);
  expect(await countOf('conflict')).toBe(1);
});

test('a repeated batch finds its events again by Idempotency-Key', async () => {
  const send = async () =>
    post<{ events: Published[] }>('keyed', batch({ data: 1 }, { data: 2 }), {
      'content-type': batchType,
      'idempotency-key': 'k1',
    });
  const first = await send();
  const second = await send();
  expect(second.body.events).toEqual(first.body.events.map((event) => ({ ...event, duplicate: true })));
});

test('events of one ordering key share a stream', async () => {
  await broker.call('PUT', '/v1/topics/keyed.orders', { partitions: 16 });
  const streams = new Set<string | undefined>();
  for (let index = 0; index < 10; index += 1) {
    const { body } = await post('keyed.orders', { index }, { 'ce-partitionkey': 'customer-7' });
    streams.add(body.position.split(':')[0]);
  }
  expect(streams.size).toBe(1);
});

test('delay and deliverat are kept with the event', async () => {
  const { body } = await post('delayed', { a: 1 }, {}, '?delay=1h');
  const at = async (id: string) =>
    (await broker.database.pool.query<{ at: Date }>('select deliver_at as at from events where event_id = $1', [id]))
      .rows[0]?.at;
  expect((await at(body.id))?.getTime()).toBeGreaterThan(Date.now() + 3_590_000);
  const own = new Date(Date.now() + 60_000).toISOString();
  const explicit = await post('delayed', { a: 1 }, { 'ce-deliverat': own });
  expect((await at(explicit.body.id))?.toISOString()).toBe(own);
});

const far = new Date(Date.now() + 30 * 86_400_000).toISOString();

test.each([
  ['a delay', '1', {}, '?delay=8d', ['/delay']],
  ['a header', '1', { 'ce-deliverat': far }, '', ['/ce-deliverat']],
  [
    'a structured event',
    JSON.stringify({ specversion: '1.0', id: 'a', source: '/', type: 't', deliverat: far }),
    { 'content-type': structuredType },
    '',
    ['/deliverat'],
  ],
  [
    'events of a batch',
    batch({}, { deliverat: far }, {}, { deliverat: far }),
    { 'content-type': batchType },
    '',
    ['/1/deliverat', '/3/deliverat'],
  ],
  ['a delay of a batch', batch({}, {}), { 'content-type': batchType }, '?delay=8d', ['/delay']],
])('a delivery beyond the retention of its topic is refused: %s', async (_, body, headers, query, pointers) => {
  const answer = await post<{ errors: { pointer: string }[] }>('delayed', body, headers, query);
  expect(answer.status).toBe(422);
  expect(answer.body.errors.map(({ pointer }) => pointer)).toEqual(pointers);
});

test('a conflict is told where its id is', async () => {
  await post('conflicts', { a: 1 }, { 'ce-id': 'taken' });
  const pointers = async (body: unknown, headers: Record<string, string>) => {
    const answer = await post<{ errors: { pointer: string }[] }>('conflicts', body, headers);
    expect(answer.status).toBe(409);
    return answer.body.errors.map(({ pointer }) => pointer);
  };
  const structured = JSON.stringify({ specversion: '1.0', id: 'taken', source: '/', type: 't' });
  expect(await pointers({ a: 2 }, { 'ce-id': 'taken' })).toEqual(['/ce-id']);
  expect(await pointers({ a: 2 }, { 'idempotency-key': 'taken' })).toEqual(['/idempotency-key']);
  expect(await pointers(structured, { 'content-type': structuredType })).toEqual(['/id']);
  expect(await pointers(batch({}, {}, { id: 'taken' }), { 'content-type': batchType })).toEqual(['/2/id']);
  const twice = batch({ id: 'twice', data: 1 }, {}, { id: 'twice', data: 2 });
  expect(await pointers(twice, { 'content-type': batchType })).toEqual(['/2/id']);
});

test('an empty body of a type other than JSON is data of no bytes', async () => {
  const { status, body } = await post('empties', '', { 'content-type': 'text/plain' });
  expect(status).toBe(201);
  expect((await broker.call('GET', `/v1/events/${body.id}`)).body).toMatchObject({ data: '' });
});

test.each([
  ['an empty body', '', { 'content-type': 'application/json' }, ''],
  ['an empty body without a type', new Uint8Array(0), {}, ''],
  ['wrong JSON', '{"a":', { 'content-type': 'application/json' }, ''],
  ['JSON in another encoding', new Uint8Array([0x22, 0xff, 0x22]), { 'content-type': 'application/json' }, ''],
  ['an id with a space', '1', { 'ce-id': 'a b' }, '/ce-id'],
  ['an over-long id', '1', { 'ce-id': 'x'.repeat(129) }, '/ce-id'],
  ['an empty type', '1', { 'ce-type': '' }, '/ce-type'],
  ['a time that is none', '1', { 'ce-time': 'noon' }, '/ce-time'],
  ['another specversion', '1', { 'ce-specversion': '0.3' }, '/ce-specversion'],
  ['no structured event', '[]', { 'content-type': structuredType }, ''],
  [
    'a structured event of a wrong type',
    '{"specversion":"1.0","id":1,"source":"/","type":"t"}',
    { 'content-type': structuredType },
    '/id',
  ],
  [
    'a structured event without a source',
    '{"specversion":"1.0","id":"a","type":"t"}',
    { 'content-type': structuredType },
    '/source',
  ],
  ['no batch', '{}', { 'content-type': batchType }, ''],
  ['an empty batch', '[]', { 'content-type': batchType }, ''],
  ['a batch with one bad event', batch({ id: 'good' }, { id: 'b ad' }), { 'content-type': batchType }, '/1/id'],
  [
    'a batch with something else inside',
    `[{"specversion":"1.0","id":"a","source":"/","type":"t"},5]`,
    { 'content-type': batchType },
    '/1',
  ],
  ['a batch of too many', batch(...Array.from({ length: 1001 }, () => ({}))), { 'content-type': batchType }, ''],
])('%s is refused and stores nothing', async (_, body, headers, pointer) => {
  const answer = await post<{ errors: { pointer: string }[] }>('refused.topic', body, headers);
  expect(answer).toMatchObject({ status: 422, body: { code: 'validation-failed' } });
  expect(answer.body.errors[0]?.pointer).toBe(pointer);
  expect((await broker.call('GET', '/v1/topics/refused.topic')).status).toBe(404);
});

test.each(['delay=soon', 'delay=-1s', 'delay=1s&delay=2s', 'colour=red'])('the query %s is refused', async (query) => {
  expect(await post('refused.topic', { a: 1 }, {}, `?${query}`)).toMatchObject({ status: 422 });
});

test.each(['Upper', 'a..b', 'a.', 'x'.repeat(129), 'sp%20ace', '%00'])('the topic %s is refused', async (topic) => {
  expect(await post(topic, { a: 1 })).toMatchObject({
    status: 422,
    body: { code: 'validation-failed', errors: [{ pointer: '/topic' }] },
  });
});

test('a topic that is written differently in the address is the same topic', async () => {
  const { body } = await broker.call('POST', '/v1/topics/orders%2Ecreated/events/', { a: 1 });
  expect(body).toMatchObject({ topic: 'orders.created' });
});

test('sizes have their limits', async () => {
  const limit = 262_144;
  const text = (length: number) => JSON.stringify('x'.repeat(length - 2));
  const json = { 'content-type': 'application/json' };
  expect((await post('sized', text(limit), json)).status).toBe(201);
  expect(await post('sized', text(limit + 1), json)).toMatchObject({
    status: 413,
    body: { code: 'payload-too-large' },
  });
  const structured = JSON.stringify({ specversion: '1.0', id: 'a', source: '/', type: 't', data: 'x'.repeat(limit) });
  expect((await post('sized', structured, { 'content-type': structuredType })).status).toBe(413);
  const oversized = batch({ id: 'a', data: 1 }, { id: 'b', data: 'x'.repeat(limit) });
  expect(await post('sized', oversized, { 'content-type': batchType })).toMatchObject({
    status: 413,
    body: { errors: [{ pointer: '/1/data' }] },
  });
  const large = batch(...Array.from({ length: 20 }, (_, id) => ({ id: `${id}`, data: 'x'.repeat(250_000) })));
  expect((await post('sized', large, { 'content-type': batchType })).status).toBe(413);
  expect(await countOf('sized')).toBe(1);
});

test('a CloudEvents format we cannot read, and compressed bodies, are refused', async () => {
  expect(await post('typed', 'x', { 'content-type': 'application/cloudevents+avro' })).toMatchObject({
    status: 415,
    body: { code: 'unsupported-media-type' },
  });
  expect((await post('typed', 'x', { 'content-encoding': 'gzip' })).status).toBe(415);
  expect(await post('typed', 'x', { 'content-type': 'nonsense' })).toMatchObject({
    status: 415,
    body: { code: 'unsupported-media-type', detail: 'Content-Type must be a media type.' },
  });
});

test('one line is logged per publish, without the data', async () => {
  const { body } = await post('logged', { card: '4111-1111' }, { 'x-request-id': 'req-7' });
  const line = broker.lines
    .map((text) => JSON.parse(text) as Record<string, unknown>)
    .find((one) => one['requestId'] === 'req-7');
  expect(line).toMatchObject({
    event: 'event.published',
    topic: 'logged',
    events: 1,
    duplicates: 0,
    firstId: body.id,
    firstPosition: body.position,
    bytes: 20,
    durationMs: expect.any(Number),
  });
  expect(broker.lines.join('')).not.toMatch(/4111-1111|an-admin-key/);
});

test('first publishes at once make one topic', async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, async (_, index) => post('crowded', { index })));
  expect(answers.every(({ status }) => status === 201)).toBe(true);
  expect(await countOf('crowded')).toBe(20);
});
