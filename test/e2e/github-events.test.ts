import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { createPublisher, type Publisher } from '@hookcast/publisher';
import { generateSecret } from '@hookcast/protocol';
import { brokerProcess, adminKey, type BrokerProcess } from '../support/broker.js';
import { receiverProcess, type Received, type ReceiverProcess } from '../support/receiver-process.js';
import { until } from '../support/until.js';

const examples = createRequire(import.meta.url)('@octokit/webhooks-examples') as { name: string; examples: object[] }[];

/** What log.md promises after a fault: deliveries in flight plus one settle interval (at most 200 results). */
const concurrency = 32;
const duplicateBound = concurrency + 200;
const rounds = 6;

const formats = ['cloudevents', 'cloudevents-binary', 'standard-webhooks'] as const;

interface Payload {
  id: string;
  topic: string;
  bytes: Buffer;
}

/** Every example payload of GitHub's real events, several times over, each with an id of its own. */
function payloads(): Payload[] {
  const once = examples.flatMap(({ name, examples: bodies }) =>
    bodies.map((body, index) => ({ name: name.replaceAll('_', '-'), index, bytes: Buffer.from(JSON.stringify(body)) })),
  );
  return Array.from({ length: rounds }, (_, round) => round).flatMap((round) =>
    once.map(({ name, index, bytes }) => ({ id: `${name}-${index}-${round}`, topic: `github.${name}`, bytes })),
  );
}

const sha = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** The data of a request, cut out of its body as text: nothing is parsed and written again. */
function dataOf(request: Received, format: (typeof formats)[number]): Buffer {
  if (format === 'cloudevents-binary') return request.body;
  const start = request.body.indexOf('"data":') + '"data":'.length;
  return request.body.subarray(start, request.body.lastIndexOf('}'));
}

async function publishAll(
  bus: Publisher,
  events: readonly Payload[],
  onAcknowledged: (count: number) => void,
): Promise<Set<string>> {
  const acknowledged = new Set<string>();
  await Promise.all(
    events.map(async ({ id, topic, bytes }) => {
      const result = await bus.publish(topic, bytes, { id, contentType: 'application/json' });
      acknowledged.add(result.id);
      onAcknowledged(acknowledged.size);
    }),
  );
  return acknowledged;
}

describe('GitHub events through a broker that is killed in the middle', () => {
  let broker: BrokerProcess;
  const receivers: ReceiverProcess[] = [];

  beforeAll(async () => {
    broker = await brokerProcess();
    await broker.start();
    for (const format of formats) {
      const secret = generateSecret();
      const receiver = await receiverProcess(secret);
      receivers.push(receiver);
      const { status } = await broker.api('PUT', `/v1/subscriptions/github-${format}`, {
        topics: ['github.*'],
        url: receiver.url,
        format,
        secret,
        concurrency,
      });
      expect(status).toBe(201);
    }
  });

  afterAll(async () => {
    for (const receiver of receivers) await receiver.stop();
    await broker?.remove();
  });

  test('every acknowledged event reaches every subscription, byte for byte, verified, with few duplicates', async () => {
    const events = payloads();
    const bus = createPublisher({ url: broker.url, apiKey: adminKey });
    let restarted: Promise<unknown> | undefined;
    const acknowledged = await publishAll(bus, events, (count) => {
      if (restarted === undefined && count > events.length / 3) {
        restarted = broker.kill('SIGKILL').then(() => broker.start());
      }
    });
    await restarted;
    await bus.close();
    expect(acknowledged.size).toBe(events.length);

    const ids = (receiver: ReceiverProcess) => new Set(receiver.received().map(({ id }) => id));
    for (const receiver of receivers) {
      await until(() => ids(receiver).size >= events.length, {
        timeoutMs: 60_000,
        what: 'every event at the receiver',
      });
    }

    const expected = new Map(events.map(({ id, bytes }) => [id, sha(bytes)]));
    for (const [index, format] of formats.entries()) {
      const requests = receivers[index]?.received() ?? [];
      expect(requests.filter(({ verified }) => verified !== true)).toEqual([]);
      expect(requests.filter(({ id }) => !expected.has(id))).toEqual([]);
      expect(requests.filter((request) => sha(dataOf(request, format)) !== expected.get(request.id))).toEqual([]);
      expect(requests.length - events.length).toBeLessThanOrEqual(duplicateBound);
    }
  });
});
