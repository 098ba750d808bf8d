import { createHmac } from 'node:crypto';
import { adminKey, testBroker, type TestBroker } from '../support/app.js';

interface ProblemBody {
  code: string;
  errors: { pointer: string; detail: string }[];
}

let broker: TestBroker;
let now = new Date();
beforeAll(async () => {
  broker = await testBroker({ clock: { now: () => now } });
});
afterAll(async () => {
  await broker?.close();
});

const order = {
  type: 'object',
  required: ['total'],
  properties: { total: { type: 'number', minimum: 0 }, state: { enum: ['open', 'paid'] } },
};
const topic = (name: string, body: Record<string, unknown>) => broker.call('PUT', `/v1/topics/${name}`, body);
const events = async (name: string) =>
  (await broker.call<{ items: { id: string }[] }>('GET', `/v1/topics/${name}/events?from=2020-01-01T00:00:00Z`)).body
    .items;

async function publishBatch(name: string, data: readonly unknown[]): Promise<Response> {
  const body = data.map((each, index) => ({
    specversion: '1.0',
    id: `${name}-${index}`,
    source: '/test',
    type: 'order',
    data: each,
  }));
  return fetch(`${broker.url}/v1/topics/${name}/events`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/cloudevents-batch+json' },
    body: JSON.stringify(body),
  });
}

test('reject: an event that is not as the schema says is refused with its first fault, and not stored', async () => {
  await topic('strict', { schema: order, schemaMode: 'reject' });
  const refused = await broker.call<ProblemBody>('POST', '/v1/topics/strict/events', { total: -1 });
  expect(refused).toMatchObject({
    status: 422,
    body: { code: 'schema-violation', errors: [{ pointer: '/data/total' }] },
  });
  const taken = await broker.call('POST', '/v1/topics/strict/events', { total: 1 });
  expect(taken.status).toBe(201);
  expect(await events('strict')).toHaveLength(1);
});

test('reject: a batch is stored as a whole or not at all', async () => {
  await topic('batches', { schema: order, schemaMode: 'reject' });
  const response = await publishBatch('batches', [{ total: 1 }, { total: 'x' }, {}]);
  expect(response.status).toBe(422);
  const { errors } = (await response.json()) as ProblemBody;
  expect(errors.map(({ pointer }) => pointer)).toEqual(['/1/data/total', '/2/data']);
  expect(await events('batches')).toEqual([]);
});

test('data that is no JSON is not as any schema says', async () => {
  await topic('json-only', { schema: order, schemaMode: 'reject' });
  const response = await fetch(`${broker.url}/v1/topics/json-only/events`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'text/plain' },
    body: '{"total":1}',
  });
  expect(response.status).toBe(422);
});

test('warn: the event is stored and the answer says what is wrong with it', async () => {
  await topic('lenient', { schema: order, schemaMode: 'warn' });
  const response = await publishBatch('lenient', [{ total: 1 }, { total: 1, state: 'véid' }]);
  expect(response.status).toBe(201);
  expect(response.headers.get('hookcast-schema-warning')).toMatch(/^1 not as .* lenient-1 .*state/);
  expect(await events('lenient')).toHaveLength(2);
});

interface ViolationLine {
  event: string;
  topic: string;
  events: number;
  firstId: string;
  pointer: string;
}
const violationLines = (name: string) =>
  broker.lines
    .map((line) => JSON.parse(line) as ViolationLine)
    .filter(({ event, topic: told }) => event === 'event.schema-violation' && told === name);

test('warn: an event on its own is told of too, and one that is as it should be is not', async () => {
  await topic('gentle', { schema: order, schemaMode: 'warn' });
  const wrong = await broker.call('POST', '/v1/topics/gentle/events', { total: '12' });
  expect(wrong.status).toBe(201);
  expect(wrong.headers.get('hookcast-schema-warning')).toMatch(/^1 not as the schema says; .* \/data\/total /);
  const right = await broker.call('POST', '/v1/topics/gentle/events', { total: 12 });
  expect([right.status, right.headers.get('hookcast-schema-warning')]).toEqual([201, null]);
});

test('warn: the log says it at most every ten seconds, and how often it was meanwhile', async () => {
  await topic('repeated', { schema: order, schemaMode: 'warn' });
  now = new Date();
  for (let sent = 0; sent < 3; sent += 1) await broker.publish('repeated', { total: -1 });
  expect(violationLines('repeated')).toMatchObject([{ events: 1, pointer: '/total' }]);
  now = new Date(now.getTime() + 10_000);
  await broker.publish('repeated', { total: -1 });
  expect(violationLines('repeated').map((line) => line.events)).toEqual([1, 3]);
});

test.each(['warn', 'reject'] as const)(
  '%s: what a source takes in is stored, and the log says so',
  async (schemaMode) => {
    const name = `sourced-${schemaMode}`;
    await topic(name, { schema: order, schemaMode });
    const secret = 'a-shared-secret-0123456789';
    const made = await broker.call<{ url: string }>('PUT', `/v1/sources/${name}`, {
      sender: 'github',
      secret,
      topic: name,
    });
    const body = '{"total":"not a number"}';
    const received = await fetch(`${broker.url}${new URL(made.body.url).pathname}`, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/json',
        'x-github-event': 'issues',
        'x-github-delivery': name,
        'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
      },
    });
    expect(received.status).toBeLessThan(300);
    const stored = await events(name);
    expect(stored).toHaveLength(1);
    expect(violationLines(name)).toMatchObject([{ events: 1, firstId: stored[0]?.id, pointer: '/total' }]);
  },
);

test('off: the schema is kept for whoever reads it', async () => {
  await topic('documented', { schema: order });
  expect((await broker.call('POST', '/v1/topics/documented/events', { total: -1 })).status).toBe(201);
});

test('a change of the schema holds for the next event', async () => {
  await topic('changing', { schema: order, schemaMode: 'reject' });
  expect((await broker.call('POST', '/v1/topics/changing/events', { total: -5 })).status).toBe(422);
  await topic('changing', { schema: { type: 'object' }, schemaMode: 'reject' });
  expect((await broker.call('POST', '/v1/topics/changing/events', { total: -5 })).status).toBe(201);
});

test.each([
  [{ schema: { type: 'text' } }, '/schema/type'],
  [{ schema: { properties: { a: { pattern: '(?=x)' } } } }, '/schema'],
  [{ schema: { $ref: 'https://example.org/schema' } }, '/schema'],
  [{ schemaMode: 'reject' }, '/schemaMode'],
])('an unusable schema is refused: %j', async (body, pointer) => {
  const refused = await broker.call<ProblemBody>('PUT', '/v1/topics/unusable', body);
  expect(refused).toMatchObject({ status: 422, body: { code: 'validation-failed', errors: [{ pointer }] } });
});

test('a change lists what it lets through and the subscriptions that could break', async () => {
  await topic('evolving.created', { schema: order });
  await broker.call('PUT', '/v1/subscriptions/evolving', {
    topics: ['evolving.*'],
    url: 'https://hooks.example.org/a',
  });
  const wider = { ...order, required: [] };
  const expected = {
    widenings: [{ pointer: '/required', detail: 'total may now be missing' }],
    subscriptions: ['evolving'],
  };
  const rehearsed = await broker.call('PUT', '/v1/topics/evolving.created?dryRun=true', { schema: wider });
  expect(rehearsed).toMatchObject({ status: 200, body: { schema: wider, schemaChange: expected } });
  expect((await broker.call('GET', '/v1/topics/evolving.created')).body).toMatchObject({ schema: order });
  const changed = await broker.call('PUT', '/v1/topics/evolving.created', { schema: wider });
  expect(changed).toMatchObject({ status: 200, body: { schema: wider, schemaChange: expected } });
  const narrowed = await broker.call<object>('PUT', '/v1/topics/evolving.created', { schema: order });
  expect(narrowed.body).not.toHaveProperty('schemaChange');
});

test('a rehearsal makes no topic', async () => {
  const rehearsed = await broker.call('PUT', '/v1/topics/imagined?dryRun=true', { partitions: 2 });
  expect(rehearsed).toMatchObject({ status: 200, body: { name: 'imagined', partitions: 2 } });
  expect((await broker.call('GET', '/v1/topics/imagined')).status).toBe(404);
});
