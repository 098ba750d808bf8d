import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { testBroker, type TestBroker } from '../support/app.js';

interface BusMap {
  topics: { name: string; publishers: object[]; subscriptions: object[] }[];
  isCut: boolean;
}

interface AsyncApi {
  servers: object;
  channels: Record<string, { messages: { event: { payload: { schema: object } } } }>;
  operations: Record<string, { summary?: string }>;
}

const url = 'http://127.0.0.1:3000/';
const schema = { type: 'object', properties: { total: { type: 'number' } } };

let broker: TestBroker;
let acme: string;
beforeAll(async () => {
  broker = await testBroker({ settings: { HOOKCAST_PUBLIC_URL: 'https://bus.example/hooks' } });
  await make(['publish:orders.*', 'read'], { name: 'shop' });
  await make(['publish:**'], { name: 'late', expiresAt: new Date(Date.now() + 3_600_000).toISOString() });
  await make(['admin'], { name: 'boss' });
  const gone = await make(['publish:**'], { name: 'gone' });
  await broker.call('DELETE', `/v1/keys/${gone.id}`);
  acme = (await make(['admin'], { name: 'acme', namespace: 'acme' })).key;
  await broker.call('PUT', '/v1/topics/orders.created', { schema, schemaMode: 'warn' });
  await broker.call('PUT', '/v1/topics/github.push', {});
  await put('billing', { topics: ['orders.*'], service: 'billing-service', filter: 'data.total > 1' });
  await put('everything', { topics: ['**'] });
  await put('ops', { topics: ['hookcast.delivery.dead'] });
  await broker.call('POST', '/v1/subscriptions/everything/pause');
  await broker.call('PUT', '/v1/sources/hub', { sender: 'github', secret: 'a-shared-secret-0123456789' });
});
afterAll(async () => {
  await broker?.close();
});

async function make(scopes: string[], more: object): Promise<{ id: string; key: string }> {
  return (await broker.call<{ id: string; key: string }>('POST', '/v1/keys', { scopes, ...more })).body;
}

async function put(name: string, rest: object): Promise<void> {
  expect((await broker.call('PUT', `/v1/subscriptions/${name}`, { url, ...rest })).status).toBe(201);
}

test('shows who may publish to each topic and who subscribes to it', async () => {
  const { status, body } = await broker.call<BusMap>('GET', '/v1/map');
  expect(status).toBe(200);
  const everything = { name: 'everything', service: null, state: 'paused', isFiltered: false };
  expect(body).toEqual({
    isCut: false,
    topics: [
      {
        name: 'github.push',
        publishers: [
          { kind: 'key', name: 'late' },
          { kind: 'source', name: 'hub' },
        ],
        subscriptions: [everything],
      },
      {
        name: 'hookcast.delivery.dead',
        publishers: [{ kind: 'broker', name: 'hookcast' }],
        subscriptions: [{ name: 'ops', service: null, state: 'active', isFiltered: false }],
      },
      {
        name: 'orders.created',
        publishers: [
          { kind: 'key', name: 'late' },
          { kind: 'key', name: 'shop' },
        ],
        subscriptions: [{ name: 'billing', service: 'billing-service', state: 'active', isFiltered: true }, everything],
      },
    ],
  });
});

test('shows each namespace its own', async () => {
  const { body } = await broker.call<BusMap>('GET', '/v1/map', undefined, { authorization: `Bearer ${acme}` });
  expect(body).toEqual({ topics: [], isCut: false });
});

test('is a valid AsyncAPI 3 document when asked for one', async () => {
  const { status, body } = await broker.call<AsyncApi>('GET', '/v1/map?format=asyncapi');
  expect(status).toBe(200);
  const path = createRequire(import.meta.url).resolve('@asyncapi/specs/schemas/3.0.0-without-$id.json');
  const ajv = addFormats.default(new Ajv({ strict: false, validateSchema: false }));
  const isValid = ajv.compile(JSON.parse(readFileSync(path, 'utf8')));
  expect(isValid(body), JSON.stringify(isValid.errors)).toBe(true);
  expect(isValid({ ...body, channels: { bad: { messages: 1 } } })).toBe(false);
  expect(body.servers).toEqual({ bus: { host: 'bus.example', protocol: 'https', pathname: '/hooks' } });
  expect(body.channels['orders.created']?.messages.event.payload.schema).toEqual(schema);
  expect(body.operations['send/orders.created/billing']).toEqual({
    action: 'send',
    channel: { $ref: '#/channels/orders.created' },
    title: 'billing',
    tags: [{ name: 'billing-service' }],
  });
  expect(body.operations['receive/orders.created']?.summary).toBe('Published by key late, key shop');
});

test('knows no other format', async () => {
  expect((await broker.call('GET', '/v1/map?format=svg')).status).toBe(422);
});
