import { verify } from '@hookcast/protocol';
import { testBroker, type TestBroker } from '../support/app.js';
import { hookServer, type HookServer } from '../support/hook-server.js';
import { until } from '../support/until.js';

const old = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAbCd';

let broker: TestBroker;
let hooks: HookServer;
beforeAll(async () => {
  broker = await testBroker({ settings: { HOOKCAST_ROLE: 'all' } });
  hooks = await hookServer();
});
afterAll(async () => {
  await broker?.close();
  await hooks?.close();
});

/** Publishes an event and says which of the secrets its delivery verifies with. */
const signedWith = async (secrets: readonly string[]): Promise<string[]> => {
  const { id } = await broker.publish('rotating', {});
  const arrived = () => hooks.requests.find(({ headers }) => headers['webhook-id'] === id);
  const request = await until(arrived, { what: 'the delivery' });
  return secrets.filter((secret) => verify(request, { secrets: [secret] }).kind === 'verified');
};

test('deliveries stop to be signed with the old secret when its grace ends, though nothing else changes', async () => {
  await broker.call('PUT', '/v1/subscriptions/rotating', { topics: ['rotating'], url: hooks.url, secret: old });
  const rotation = await broker.call<{ secret: string }>('POST', '/v1/subscriptions/rotating/rotate-secret', {
    graceSeconds: 2,
  });
  const { secret } = rotation.body;
  const isAlone = async () => !(await signedWith([old])).includes(old);
  expect(await until(isAlone, { what: 'the end of the grace' })).toBe(true);
  expect(await signedWith([secret, old])).toEqual([secret]);
});

test('the same goes for the signing keys of a namespace', async () => {
  const target = { topics: ['keyed'], url: hooks.url, signature: 'ed25519' };
  await broker.call('PUT', '/v1/subscriptions/keyed', target);
  await broker.call('POST', '/v1/signing-keys/rotate', { graceSeconds: 4 });
  const signatures = async () => {
    const { id } = await broker.publish('keyed', {});
    const arrived = () => hooks.requests.find(({ headers }) => headers['webhook-id'] === id);
    const { headers } = await until(arrived, { what: 'the delivery' });
    return String(headers['webhook-signature']).split(' ').length;
  };
  for (const count of [2, 1]) {
    const isCount = async () => (await signatures()) === count;
    expect(await until(isCount, { timeoutMs: 15_000, what: `${count} signatures` })).toBe(true);
  }
});
