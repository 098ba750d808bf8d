import { createHash, randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { generateSecret } from '@hookcast/protocol';
import { sign, type SourceConfig } from '@hookcast/sources';
import { brokerProcess, type BrokerProcess } from '../support/broker.js';
import { receiverProcess, type ReceiverProcess } from '../support/receiver-process.js';
import { until } from '../support/until.js';

const examples = createRequire(import.meta.url)('@octokit/webhooks-examples') as { name: string; examples: object[] }[];
const github: SourceConfig = { sender: 'github', secrets: ['what only GitHub and this source know'] };

interface Delivery {
  guid: string;
  event: string;
  body: Buffer;
}

const all: Delivery[] = examples.flatMap(({ name, examples: bodies }) =>
  bodies.map((body) => ({ guid: randomUUID(), event: name, body: Buffer.from(JSON.stringify(body)) })),
);
/** GitHub pings a new hook: that is a handshake and no event. */
const pings = all.filter(({ event }) => event === 'ping');
const deliveries = all.filter(({ event }) => event !== 'ping');

const sha = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

let broker: BrokerProcess;
let receiver: ReceiverProcess;
let url: string;

beforeAll(async () => {
  broker = await brokerProcess();
  await broker.start();
  const secret = generateSecret();
  receiver = await receiverProcess(secret);
  const subscription = { topics: ['gh.**'], url: receiver.url, format: 'cloudevents-binary', secret };
  expect((await broker.api('PUT', '/v1/subscriptions/github', subscription)).status).toBe(201);
  const source = { sender: 'github', topic: 'gh.{type}', secrets: github.secrets };
  const made = await broker.api('PUT', '/v1/sources/octokit', source);
  expect(made.status).toBe(201);
  ({ url } = made.body as { url: string });
});

afterAll(async () => {
  await receiver?.stop();
  await broker?.remove();
});

/** As GitHub sends it. */
async function deliver({ guid, event, body }: Delivery): Promise<number> {
  const headers = { 'x-github-event': event, 'x-github-delivery': guid, 'user-agent': 'GitHub-Hookshot/044aadd' };
  const signed = sign({ headers, body }, github, new Date());
  const response = await fetch(url, {
    method: 'POST',
    headers: Object.fromEntries(signed.headers),
    body: new Uint8Array(signed.body),
  });
  await response.arrayBuffer();
  return response.status;
}

async function deliverAll(list: readonly Delivery[]): Promise<number[]> {
  const left = [...list];
  const statuses: number[] = [];
  const sender = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) statuses.push(await deliver(next));
  };
  await Promise.all(Array.from({ length: 10 }, sender));
  return statuses;
}

test('every example payload of GitHub arrives at a subscribed receiver, once, byte for byte', async () => {
  expect(deliveries.length).toBeGreaterThan(250);
  expect(new Set(await deliverAll(all))).toEqual(new Set([200]));
  await until(() => receiver.received().length >= deliveries.length, {
    timeoutMs: 60_000,
    what: 'every delivery at the receiver',
  });
  const received = receiver.received();
  expect(received.filter(({ verified }) => verified !== true)).toEqual([]);
  const expected = new Map(deliveries.map(({ guid, body }) => [`octokit:${guid}`, sha(body)]));
  expect(new Map(received.map(({ id, body }) => [id, sha(body)]))).toEqual(expected);
  expect(received).toHaveLength(deliveries.length);
});

test('a redelivery is answered with 200 and not published again', async () => {
  expect(new Set(await deliverAll(deliveries))).toEqual(new Set([200]));
  // Published after all of them: once it is there, a second copy of theirs would be too.
  const last: Delivery = {
    guid: randomUUID(),
    event: 'star',
    body: Buffer.from('{"action":"created"}'),
  };
  expect(await deliver(last)).toBe(200);
  await until(() => receiver.received().some(({ id }) => id === `octokit:${last.guid}`), {
    what: 'the last delivery at the receiver',
  });
  expect(receiver.received().filter(({ id }) => id !== `octokit:${last.guid}`)).toHaveLength(deliveries.length);
  const { body } = await broker.api('GET', '/v1/sources/octokit');
  expect(body).toMatchObject({
    health: {
      lastHour: {
        accepted: deliveries.length + 1,
        duplicate: deliveries.length,
        handshake: pings.length,
        refused: 0,
        failed: 0,
      },
    },
  });
});

test('the broker’s log shows neither the token nor the secret', async () => {
  const token = url.split('/').at(-1) ?? '';
  const log = broker.log();
  expect(log).toContain('source.received');
  expect(log).not.toContain(token);
  expect(log).not.toContain(github.secrets[0]);
});

test('deliveries survive a kill right after their answer, and a redelivery after the restart is still known', async () => {
  const some = deliveries.slice(0, 40).map((one) => ({ ...one, guid: randomUUID() }));
  expect(new Set(await deliverAll(some))).toEqual(new Set([200]));
  await broker.kill('SIGKILL');
  await broker.start();
  expect(new Set(await deliverAll(some))).toEqual(new Set([200]));
  const ids = new Set(some.map(({ guid }) => `octokit:${guid}`));
  const arrived = () => new Set(receiver.received().flatMap(({ id }) => (ids.has(id) ? [id] : [])));
  await until(() => arrived().size === some.length, { timeoutMs: 60_000, what: 'every delivery after the restart' });
  const { body } = await broker.api('GET', '/v1/sources/octokit/receptions?verdict=duplicate&limit=40');
  expect((body as { items: unknown[] }).items).toHaveLength(40);
});
