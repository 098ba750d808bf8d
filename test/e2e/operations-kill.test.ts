import { adminKey, brokerProcess, type BrokerProcess } from '../support/broker.js';
import { hookServer, type Answer, type HookServer } from '../support/hook-server.js';
import { until } from '../support/until.js';

interface Operation {
  id: string;
  status: string;
  total: number;
  done: number;
  failed: number;
  skipped: number;
}

const events = 10_000;
const rate = 2_000;
/** Requests in flight and results not yet written, see libs/delivery/README.md. */
const duplicatesOfKill = 512 + 1_024;

let broker: BrokerProcess;
let hooks: HookServer;
/** A verdict and not a status: hooks that fail are parked, and would take long to bury so many. */
let answer: Answer = { status: 200, headers: { 'hookcast-verdict': 'dead-letter' } };
beforeAll(async () => {
  hooks = await hookServer();
  hooks.respondWith(() => answer);
  broker = await brokerProcess({ HOOKCAST_LOG_LEVEL: 'warn' });
  await broker.start();
});
afterAll(async () => {
  await broker?.remove();
  await hooks?.close();
});

async function publish(from: number, count: number): Promise<void> {
  const batch = Array.from({ length: count }, (_, index) => ({
    specversion: '1.0',
    id: `e${from + index}`,
    source: '/test',
    type: 'orders.created',
    data: { index: from + index },
  }));
  const response = await fetch(`${broker.url}/v1/topics/orders.created/events`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/cloudevents-batch+json' },
    body: JSON.stringify(batch),
  });
  if (response.status !== 201) throw new Error(await response.text());
  await response.body?.cancel();
}

const call = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
  const { body: told } = await broker.api(method, path, body);
  // The shapes are those of /openapi.json.
  // eslint-disable-next-line typescript/no-unsafe-type-assertion
  return told as T;
};

const deadLetters = async () => {
  const { items } = await call<{ items: { count: number }[] }>('GET', '/v1/dead-letters/groups?subscription=billing');
  return items.reduce((sum, { count }) => sum + count, 0);
};

const received = () =>
  hooks.requests.filter(({ method }) => method === 'POST').map(({ headers }) => headers['webhook-id']);

/** Runs an operation whose process is killed in the middle. */
async function throughKill(
  least: number,
  begin: () => Promise<Operation>,
): Promise<{ operation: Operation; ms: number }> {
  hooks.requests.length = 0;
  const startedAt = performance.now();
  const { id } = await begin();
  await until(() => received().length > least, { timeoutMs: 60_000, what: 'the first deliveries' });
  await broker.kill('SIGKILL');

  await broker.start();
  const operation = await until(
    async () => {
      const shown = await call<Operation>('GET', `/v1/operations/${id}`);
      return shown.status === 'done' ? shown : undefined;
    },
    { timeoutMs: 120_000, what: 'the end of the operation' },
  );
  return { operation, ms: performance.now() - startedAt };
}

test('a redrive of ten thousand dead letters loses nothing to a kill -9 and keeps its rate', async () => {
  const retry = { schedule: [] };
  await broker.api('PUT', '/v1/subscriptions/billing', { topics: ['orders.created'], url: hooks.url, retry });
  for (let from = 0; from < events; from += 1_000) await publish(from, 1_000);
  await until(async () => (await deadLetters()) === events, { timeoutMs: 120_000, what: 'dead letters' });
  answer = 204;
  const { operation, ms } = await throughKill(3_000, async () =>
    call('POST', '/v1/dead-letters/redrive', { subscription: 'billing', rate }),
  );
  expect(operation).toMatchObject({ total: events, done: events, failed: 0, skipped: 0 });
  expect(new Set(received()).size).toBe(events);
  expect(received().length).toBeLessThanOrEqual(events + duplicatesOfKill);
  // A second's worth may have been saved up when it began.
  expect(ms).toBeGreaterThan((events / rate - 1) * 1_000 * 0.9);
  expect(await deadLetters()).toBe(0);
});

test('a replay loses nothing to a kill -9', async () => {
  const { operation } = await throughKill(1_000, async () =>
    call('POST', '/v1/subscriptions/billing/replays', { from: 'earliest', filter: 'data.index < 4000', rate }),
  );
  expect(operation).toMatchObject({ total: events, done: 4_000, failed: 0, skipped: events - 4_000 });
  expect(new Set(received()).size).toBe(4_000);
  expect(received().length).toBeLessThanOrEqual(4_000 + duplicatesOfKill);
  expect(hooks.requests.every(({ headers }) => headers['hookcast-replay'] === 'true')).toBe(true);
});
