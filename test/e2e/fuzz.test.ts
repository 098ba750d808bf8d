import fc, { type Arbitrary } from 'fast-check';
import { malformedRequest } from '../fuzz/malformed.js';
import { requestsOf, type Document, type FuzzRequest, type Material } from '../fuzz/requests.js';
import { closeShooter, shoot, shootBytes, type Outcome } from '../fuzz/shooter.js';
import { adminKey, brokerProcess, type BrokerProcess } from '../support/broker.js';
import { isAlive } from '../support/embedded-process.js';

/*
 * Requests made from the document that the program serves, and bytes that are no requests, to a program of its own
 * process. `npm run fuzz` sends more of them, from another seed each time.
 */
const seed = Number(process.env['FUZZ_SEED'] ?? 20_261);
const requests = Number(process.env['FUZZ_REQUESTS'] ?? 3_000);
const minutes = 60_000;
const atOnce = 8;
const chunkSize = 500;

let broker: BrokerProcess;
let pid: number;
beforeAll(async () => {
  broker = await brokerProcess({
    // Nothing of what is made up may lead anywhere but to this machine.
    HOOKCAST_EGRESS_ALLOW: '127.0.0.0/8,::1/128',
    HOOKCAST_FAILED_KEYS_PER_MINUTE: '1000000',
    HOOKCAST_WRONG_KEYS_PER_MINUTE: '1000000',
  });
  await broker.start();
  ({ pid } = broker);
});
afterAll(async () => {
  closeShooter();
  await broker?.remove();
});

async function makeMaterial(): Promise<Material> {
  const keyOf = async (scopes: string[], namespace = 'default') => {
    const { body } = await broker.api('POST', '/v1/keys', { name: 'fuzz', scopes, namespace });
    return `Bearer ${(body as { key: string }).key}`;
  };
  await broker.api('PUT', '/v1/subscriptions/billing', { topics: ['orders.created'], url: 'http://127.0.0.1:1/' });
  const event = await broker.api('POST', '/v1/topics/orders.created/events', { a: 1 });
  const { id } = event.body as { id: string };
  const source = await broker.api('PUT', '/v1/sources/hub', { sender: 'github', secret: 'a-secret-0123456789' });
  const { pathname } = new URL((source.body as { url: string }).url);
  return {
    document: (await broker.api('GET', '/openapi.json')).body as Document,
    authorizations: [
      `Bearer ${adminKey}`,
      await keyOf(['publish:orders.*']),
      await keyOf(['subscribe:**']),
      await keyOf(['read']),
      await keyOf(['admin'], 'other'),
      'Bearer hc_nobody',
      'Basic YTpi',
      'Bearer \u00e9',
      '',
      undefined,
    ],
    objects: {
      topics: ['orders.created', 'fuzzed.one'],
      subscriptions: ['billing', 'fuzzed'],
      services: ['billing-service', 'fuzzed'],
      sources: ['hub'],
      events: [id],
      deliveries: [id],
      'dead-letters': ['1-1-1', '1:1:1'],
      keys: ['admin', '1'],
    },
    hidden: [
      ['POST', pathname],
      ['GET', pathname],
      ['POST', '/in/hub/x'],
      ['POST', '/in/{name}/{token}'],
      ['POST', '/session'],
      ['POST', '/session/end'],
      ['GET', '/'],
      ['GET', '/docs'],
      ['GET', '/docs/{x}'],
      ['GET', '/openapi.json'],
      ['GET', '/{x}'],
    ],
  };
}

/** Sends what `arbitrary` makes, some at a time, and describes what must not be. */
async function volley<T>(
  count: number,
  arbitrary: Arbitrary<T>,
  send: (one: T) => Promise<Outcome>,
  describe: (one: T) => string,
): Promise<{ wrong: string[]; statuses: Map<number, number> }> {
  const wrong: string[] = [];
  const statuses = new Map<number, number>();
  const judge = (one: T, outcome: Outcome): void => {
    const status = outcome.kind === 'answered' ? outcome.status : 0;
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    if (status === 0 || status >= 500) wrong.push(`${describe(one)} => ${JSON.stringify(outcome)}`);
  };
  for (let sent = 0; sent < count && wrong.length < 20; sent += chunkSize) {
    const queue = fc.sample(arbitrary, { numRuns: Math.min(chunkSize, count - sent), seed: seed + sent });
    const work = async (): Promise<void> => {
      for (let one = queue.pop(); one !== undefined; one = queue.pop()) judge(one, await send(one));
    };
    await Promise.all(Array.from({ length: atOnce }, work));
  }
  return { wrong, statuses };
}

function inWords({ method, path, headers, body }: FuzzRequest): string {
  const { authorization, ...others } = headers;
  const start = body?.subarray(0, 2000).toString('utf8') ?? '';
  return `${method} ${path.slice(0, 300)} ${authorization?.slice(0, 15)} ${JSON.stringify(others)} ${start}`;
}

function expectUnharmed(): void {
  expect(isAlive(pid)).toBe(true);
  const bad = broker
    .log()
    .split('\n')
    .filter((line) => /request\.failed|uncaught|unhandled/i.test(line));
  expect(bad.slice(0, 5)).toEqual([]);
}

test(
  'whatever is sent to the routes of the document, no answer is a 5xx, none takes 2 s, and the program lives on',
  async () => {
    process.stdout.write(`fuzz: ${requests} requests, seed ${seed}\n`);
    const material = await makeMaterial();
    const { wrong, statuses } = await volley(
      requests,
      requestsOf(material),
      async (one) => shoot(broker.url, one),
      inWords,
    );
    process.stdout.write(`fuzz: ${JSON.stringify(Object.fromEntries(statuses))}\n`);
    expectUnharmed();
    expect(wrong).toEqual([]);
    // Enough of it has to get past the first check, or this would prove little.
    const accepted = [...statuses].filter(([status]) => status < 300).reduce((sum, [, count]) => sum + count, 0);
    expect(accepted).toBeGreaterThan(requests / 20);
    const answer = await broker.api('POST', '/v1/topics/still.here/events', { a: 1 });
    expect(answer.status).toBe(201);
  },
  30 * minutes,
);

test(
  'bytes that are no HTTP are answered or dropped within 2 s, and the program lives on',
  async () => {
    const { wrong } = await volley(
      Math.ceil(requests / 10),
      malformedRequest,
      async (bytes) => shootBytes(broker.url, bytes),
      (bytes) => JSON.stringify(bytes.toString('latin1').slice(0, 500)),
    );
    expect(wrong).toEqual([]);
    expectUnharmed();
    expect((await fetch(`${broker.url}/health/ready`)).status).toBe(200);
  },
  30 * minutes,
);
