import net from 'node:net';
import { testBroker, type TestBroker } from '../support/app.js';
import { hookServer, type HookServer } from '../support/hook-server.js';
import { until } from '../support/until.js';

/* What egress-door.test.ts reads out of the sources, seen at run time: who opens the sockets of a broker that does all it can. */
interface Opened {
  port: number;
  stack: string;
}
const opened: Opened[] = [];
const prototype = net.Socket.prototype as unknown as { connect: (...args: unknown[]) => net.Socket };
const original = prototype.connect;
const { stackTraceLimit } = Error;

let broker: TestBroker;
let hooks: HookServer;
let tokens: HookServer;
let hub: HookServer;
beforeAll(async () => {
  Error.stackTraceLimit = 60;
  prototype.connect = function connect(this: net.Socket, ...args: unknown[]) {
    const [first] = args.flat() as [{ port?: number | string } | number];
    const port = Number(typeof first === 'object' ? first.port : first);
    opened.push({ port, stack: new Error('opened').stack ?? '' });
    return original.apply(this, args);
  };
  [hooks, tokens, hub] = await Promise.all([hookServer(), hookServer(), hookServer()]);
  broker = await testBroker({ settings: { HOOKCAST_ROLE: 'all' } });
});
afterAll(async () => {
  prototype.connect = original;
  Error.stackTraceLimit = stackTraceLimit;
  await broker?.close();
  await Promise.all([hooks?.close(), tokens?.close(), hub?.close()]);
});

const portOf = (url: string) => Number(new URL(url).port);

test('every socket of a running broker is opened in libs/egress, but for those to its database', async () => {
  tokens.respondWith(() => ({ status: 200, body: JSON.stringify({ access_token: 't', token_type: 'Bearer' }) }));
  const auth = { type: 'oauth2', tokenUrl: `${tokens.url}/token`, clientId: 'bus', clientSecret: 'geheim' };
  await broker.call('PUT', '/v1/subscriptions/door', { topics: ['door.x'], url: `${hooks.url}/`, auth });
  await broker.call('POST', '/v1/subscriptions/door/test', {});
  await broker.publish('door.x', {});
  await broker.call('PUT', '/v1/sources/feed', { sender: 'websub', topic: 'feed' });
  await broker.call('POST', '/v1/sources/feed/websub', { topicUrl: `${hub.url}/feed` });
  await until(() => hooks.requests.length >= 2 && hooks.handshakes.length > 0, { what: 'the deliveries' });
  await until(() => hub.requests.length > 0, { what: 'the subscription at the hub' });
  await broker.call('GET', '/health/ready');

  // Those of this test to the broker, and those of the driver to Postgres, are left out.
  const foreign = opened.filter(
    ({ port, stack }) => port !== portOf(broker.url) && !stack.includes('/node_modules/pg/'),
  );
  const through = foreign.filter(({ stack }) => stack.includes('/libs/egress/'));
  expect(foreign.filter((one) => !through.includes(one))).toEqual([]);
  expect(new Set(through.map(({ port }) => port))).toEqual(new Set([hooks, tokens, hub].map(({ url }) => portOf(url))));
});

test('the look can fail: a socket that is opened elsewhere is seen', async () => {
  opened.length = 0;
  await fetch(`${hooks.url}/elsewhere`);
  expect(opened).toHaveLength(1);
  expect(opened[0]).toMatchObject({ port: portOf(hooks.url), stack: expect.not.stringContaining('/libs/egress/') });
});
