import { Pulse } from '../../apps/broker/src/control/pulse.js';
import { testBroker, type TestBroker } from '../support/app.js';
import { freePort } from '../support/broker.js';
import { hookServer, type HookServer } from '../support/hook-server.js';
import { until } from '../support/until.js';

let broker: TestBroker;
let hook: HookServer;
let clockAhead = 0;
beforeAll(async () => {
  hook = await hookServer();
  broker = await testBroker({
    settings: { HOOKCAST_ROLE: 'api', HOOKCAST_HANDSHAKE: 'optional', HOOKCAST_PUBLIC_URL: 'https://bus.example.com' },
    clock: { now: () => new Date(Date.now() + clockAhead) },
  });
  // Stepped by hand.
  pulse().stop();
});
afterAll(async () => {
  await broker?.close();
  await hook?.close();
});

const pulse = () => broker.app.get(Pulse, { strict: false });
const nothing = { hasNews: false, hasHandshakes: false, hasLapsedLeases: false };
const put = async (name: string, rest: object = {}) => {
  const made = await broker.call('PUT', `/v1/subscriptions/${name}`, { topics: ['t'], url: hook.url, ...rest });
  expect(made.status, made.text).toBe(201);
};
/** Whoever was told goes to work and the next look finds nothing more. */
const settles = async () =>
  until(async () => !JSON.stringify(await pulse().runOnce()).includes('true'), { what: 'nothing more to do' });

test('a quiet broker has nothing to do, and a change shows in the version', async () => {
  const before = await pulse().runOnce();
  expect(before).toMatchObject(nothing);
  await put('quiet');
  await settles();
  expect((await pulse().runOnce()).version).toBeGreaterThan(before.version);
});

test('news that was written down is found, and told by the next look', async () => {
  expect((await broker.call('POST', '/v1/keys', { name: 'new', scopes: ['read'] })).status).toBe(201);
  expect(await pulse().runOnce()).toMatchObject({ ...nothing, hasNews: true });
  await settles();
  expect((await broker.database.pool.query('select from announcements')).rows).toEqual([]);
});

test('a lease that lapsed is found, and its subscription marked as stale', async () => {
  await put('leased', { leaseSeconds: 60 });
  expect(await pulse().runOnce()).toMatchObject({ hasLapsedLeases: false });
  clockAhead += 61_000;
  expect(await pulse().runOnce()).toMatchObject({ hasLapsedLeases: true });
  await settles();
  expect((await broker.call('GET', '/v1/subscriptions/leased')).body).toMatchObject({ state: 'stale' });
});

test('a hook that could not be asked whether it wants events is asked again in its time', async () => {
  await put('away', { url: `http://127.0.0.1:${await freePort()}/hook` });
  expect(await pulse().runOnce()).toMatchObject({ hasHandshakes: false });
  clockAhead += 3_600_000;
  expect(await pulse().runOnce()).toMatchObject({ hasHandshakes: true });
  const tries = async () =>
    (await broker.database.pool.query("select handshake -> 'tries' as tries from subscriptions where name = 'away'"))
      .rows[0].tries;
  await until(async () => (await tries()) === 2, { what: 'the second try' });
  expect(await pulse().runOnce()).toMatchObject({ hasHandshakes: false });
});
