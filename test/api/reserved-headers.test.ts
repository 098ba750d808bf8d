import { reservedHeaders } from '@hookcast/delivery';
import { HandshakeRounds } from '../../apps/broker/src/handshake/handshake-rounds.js';
import { testBroker, type TestBroker } from '../support/app.js';
import { hookServer, type HookServer } from '../support/hook-server.js';
import { until } from '../support/until.js';

/* What the API refuses may be in the database all the same: an older version, an import, another program. */
const names = reservedHeaders.map((name) => name.replace('*', 'own'));
const marker = 'stored-past-the-api';
const stored = {
  ...Object.fromEntries(names.map((name) => [name, marker])),
  'x-own': 'fine',
  'x-bad': `a\r\nx: ${marker}`,
};

let broker: TestBroker;
let hooks: HookServer;
let now = new Date();
beforeAll(async () => {
  hooks = await hookServer();
  broker = await testBroker({
    settings: { HOOKCAST_ROLE: 'all', HOOKCAST_HANDSHAKE: 'required' },
    clock: { now: () => now },
  });
  broker.app.get(HandshakeRounds, { strict: false }).stop();
});
afterAll(async () => {
  await broker?.close();
  await hooks?.close();
});

const put = async (name: string, more: object = {}) =>
  broker.call('PUT', `/v1/subscriptions/${name}`, { topics: [`${name}.x`], url: `${hooks.url}/${name}`, ...more });
const storeHeaders = async (): Promise<void> => {
  const sql = 'update subscriptions set headers = $1';
  await broker.database.pool.query(sql, [JSON.stringify(stored)]);
};

function expectCleanRequests(): void {
  const all = [...hooks.requests, ...hooks.handshakes];
  expect(JSON.stringify(all.map(({ headers }) => headers))).not.toContain(marker);
  for (const { headers } of all) expect(headers).toMatchObject({ 'x-own': 'fine', host: new URL(hooks.url).host });
}

test.each(names)('the API refuses the header %s', async (name) => {
  for (const spelling of [name, name.toUpperCase()]) {
    const answer = await put('refused', { headers: { [spelling]: 'x' } });
    expect(answer).toMatchObject({ status: 422, body: { errors: [{ pointer: `/headers/${spelling}` }] } });
  }
});

test('a hook that has granted our origin is told it with every event, whatever origin a row holds', async () => {
  const allow = { status: 200, headers: { 'webhook-allowed-origin': '127.0.0.1', 'webhook-allowed-rate': '*' } };
  hooks.respondToHandshakes(() => allow);
  await put('granted');
  hooks.respondToHandshakes(() => 405);
  expect(hooks.handshakes.at(-1)?.headers).toMatchObject({ 'webhook-request-origin': '127.0.0.1' });
  await storeHeaders();
  expect((await broker.call('POST', '/v1/subscriptions/granted/test', {})).body).toMatchObject({ status: 204 });
  expect(hooks.requests.at(-1)?.headers).toMatchObject({ origin: '127.0.0.1', 'x-own': 'fine' });
  await broker.call('DELETE', '/v1/subscriptions/granted');
});

test('a reserved header in a row is not sent: neither with the handshake, nor with deliveries, batches and tests', async () => {
  await put('single');
  await put('batched', { batch: { maxEvents: 10, maxBytes: 65_536 } });
  await storeHeaders();
  hooks.handshakes.length = hooks.requests.length = 0;
  hooks.respondWith(({ url }) => ({ status: 200, body: new URL(url, hooks.url).searchParams.get('echo') ?? '' }));
  now = new Date(now.getTime() + 3_600_000);
  await broker.app.get(HandshakeRounds, { strict: false }).runOnce();
  expect([hooks.handshakes.length, hooks.requests.length]).toEqual([2, 2]);
  expectCleanRequests();
  for (const name of ['single', 'batched']) {
    expect((await broker.call(`POST`, `/v1/subscriptions/${name}/test`, {})).body).toMatchObject({ status: 200 });
    await broker.publish(`${name}.x`, {});
  }
  const ids = () => hooks.requests.filter(({ headers }) => headers['hookcast-attempt'] === '1').map(({ url }) => url);
  await until(() => ids().includes('/single') && ids().includes('/batched') && hooks.requests.length >= 6, {
    what: 'the deliveries',
  });
  expectCleanRequests();
});
