import fc, { type Arbitrary } from 'fast-check';
import { malformedRequest } from '../fuzz/malformed.js';
import { makeMaterial, playEndpoints } from '../fuzz/material.js';
import { requestsOf, type Document, type FuzzRequest } from '../fuzz/requests.js';
import { closeShooter, shoot, shootBytes, type Outcome } from '../fuzz/shooter.js';
import { brokerProcess, type BrokerProcess } from '../support/broker.js';
import { isAlive } from '../support/embedded-process.js';
import { hookServer, type HookServer } from '../support/hook-server.js';

/*
 * Requests made from the document that the program serves, and bytes that are no requests, to a program of its own
 * process. `npm run fuzz` sends more of them, from another seed each time.
 */
const seed = Number(process.env['FUZZ_SEED'] ?? 20_261);
const requests = Number(process.env['FUZZ_REQUESTS'] ?? 3_000);
const minutes = 60_000;
const atOnce = 8;
const chunkSize = 500;
/** Of 36 operations that take an id or a name: chance leaves one out now and then. */
const tolerated = 3;

let broker: BrokerProcess;
let hook: HookServer;
let pid: number;
beforeAll(async () => {
  hook = await hookServer();
  playEndpoints(hook);
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
  await hook?.close();
});

/** How often each operation was answered with each status. */
type Tally = Map<string, Map<number, number>>;

interface Shots<T> {
  count: number;
  /** Made anew for every round. */
  arbitrary: (round: number) => Promise<Arbitrary<T>>;
  send: (one: T) => Promise<Outcome>;
  operationOf: (one: T) => string;
  describe: (one: T) => string;
}

/** Sends what `arbitrary` makes, some at a time, and describes what must not be. */
async function volley<T>(shots: Shots<T>): Promise<{ wrong: string[]; tally: Tally }> {
  const wrong: string[] = [];
  const tally: Tally = new Map();
  const judge = (one: T, outcome: Outcome): void => {
    const status = outcome.kind === 'answered' ? outcome.status : 0;
    const statuses = tally.get(shots.operationOf(one)) ?? new Map<number, number>();
    tally.set(shots.operationOf(one), statuses.set(status, (statuses.get(status) ?? 0) + 1));
    if (status === 0 || status >= 500) wrong.push(`${shots.describe(one)} => ${JSON.stringify(outcome)}`);
  };
  for (let sent = 0; sent < shots.count && wrong.length < 20; sent += chunkSize) {
    const arbitrary = await shots.arbitrary(sent / chunkSize);
    const numRuns = Math.min(chunkSize, shots.count - sent);
    const queue = fc.sample(arbitrary, { numRuns, seed: seed + sent });
    const work = async (): Promise<void> => {
      for (let one = queue.pop(); one !== undefined; one = queue.pop()) judge(one, await shots.send(one));
    };
    await Promise.all(Array.from({ length: atOnce }, work));
  }
  return { wrong, tally };
}

function sumOf(tally: Tally): Map<number, number> {
  const sum = new Map<number, number>();
  for (const statuses of tally.values())
    for (const [status, count] of statuses) sum.set(status, (sum.get(status) ?? 0) + count);
  return sum;
}

/** Operations on something that has to be there, none of which succeeded. */
function neverFound(tally: Tally): string[] {
  return [...tally]
    .filter(([operation]) => /^(?!PUT )\S+ \/v1\/.*\{/.test(operation))
    .filter(([, statuses]) => [...statuses.keys()].every((status) => status >= 300))
    .map(([operation]) => operation);
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
    const document = (await broker.api('GET', '/openapi.json')).body as Document;
    const { wrong, tally } = await volley({
      count: requests,
      arbitrary: async (round) => requestsOf(await makeMaterial({ broker, hook, document }, round)),
      send: async (one) => shoot(broker.url, one),
      operationOf: ({ operation }) => operation,
      describe: inWords,
    });
    const statuses = sumOf(tally);
    process.stdout.write(`fuzz: ${JSON.stringify(Object.fromEntries(statuses))}\n`);
    expectUnharmed();
    expect(wrong).toEqual([]);
    // Enough of it has to get past the first check, or this would prove little.
    const accepted = [...statuses].filter(([status]) => status < 300).reduce((sum, [, count]) => sum + count, 0);
    expect(accepted).toBeGreaterThan(requests / 20);
    // And past the second: what an address names has to be there.
    if (requests >= 3_000) expect(neverFound(tally).slice(tolerated)).toEqual([]);
    const answer = await broker.api('POST', '/v1/topics/still.here/events', { a: 1 });
    expect(answer.status).toBe(201);
  },
  30 * minutes,
);

test(
  'bytes that are no HTTP are answered or dropped within 2 s, and the program lives on',
  async () => {
    const { wrong } = await volley({
      count: Math.ceil(requests / 10),
      arbitrary: async () => malformedRequest,
      send: async (bytes) => shootBytes(broker.url, bytes),
      operationOf: () => 'none',
      describe: (bytes) => JSON.stringify(bytes.toString('latin1').slice(0, 500)),
    });
    expect(wrong).toEqual([]);
    expectUnharmed();
    expect((await fetch(`${broker.url}/health/ready`)).status).toBe(200);
  },
  30 * minutes,
);
