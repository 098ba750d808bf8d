import { createHash } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { adminKey } from '../support/broker.js';
import { until } from '../support/until.js';
import { killing, patienceMs, type Scenario, type Stage } from './stage.js';

const plain = 'application/json';
const structured = 'application/cloudevents+json';

interface Published {
  id: string;
  /** The exact text that hooks have to get. */
  data: string;
  contentType?: string;
  headers?: Record<string, string>;
}

function headersOf({ id, contentType = plain, headers = {} }: Published): Record<string, string> {
  const named = contentType === plain ? { 'idempotency-key': id } : {};
  return { authorization: `Bearer ${adminKey}`, 'content-type': contentType, ...named, ...headers };
}

const bodyOf = ({ id, data, contentType = plain }: Published) =>
  contentType === plain
    ? data
    : `{"specversion":"1.0","id":"${id}","source":"/faults","type":"bytes","datacontenttype":"${plain}","data":${data}}`;

function taken({ load }: Stage, { id, data }: Published): void {
  load.attempted.push({ id, sha: createHash('sha256').update(data).digest('hex'), isAcknowledged: true });
}

async function publish(stage: Stage, event: Published): Promise<void> {
  const [api] = stage.cluster.apis;
  const init = { method: 'POST', headers: headersOf(event), body: bodyOf(event) };
  const answer = await fetch(`${api?.url}/v1/topics/${stage.topic}/events`, init);
  if (answer.status !== 201) throw new Error(`${event.id}: ${answer.status} ${await answer.text()}`);
  taken(stage, event);
}

/** The same in a request that comes one byte after the other. */
async function publishInBytes(stage: Stage, event: Published): Promise<void> {
  const url = new URL(`${stage.cluster.apis[0]?.url}/v1/topics/${stage.topic}/events`);
  const body = bodyOf(event);
  const lines = Object.entries({
    host: url.host,
    connection: 'close',
    'content-length': String(Buffer.byteLength(body)),
    ...headersOf(event),
  }).map(([name, value]) => `${name}: ${value}`);
  const request = Buffer.from([`POST ${url.pathname} HTTP/1.1`, ...lines, '', body].join('\r\n'));
  const socket = net.connect({ host: url.hostname, port: Number(url.port), noDelay: true });
  let answer = '';
  socket.on('data', (bytes) => (answer += bytes.toString()));
  const closed = once(socket, 'close');
  for (let at = 0; at < request.length; at += 1) {
    socket.write(request.subarray(at, at + 1));
    await turn();
  }
  await closed;
  expect(answer).toMatch(/^HTTP\/1\.1 201 /);
  taken(stage, event);
}

const nameOf = (topic: string) => topic.replaceAll('.', '-');
const maxEventBytes = 262_144;
const maxDepth = 128;
/** 7,954 characters of attributes; 8,192 are taken. */
const attributes = {
  'ce-source': '/faults',
  'ce-type': 'extreme',
  'ce-subject': 's'.repeat(1_024),
  ...Object.fromEntries(Array.from({ length: 60 }, (_, number) => [`ce-ext${number}`, 'v'.repeat(110)])),
};
/** Texts of data at the bounds of what is taken. */
const extremes = {
  large: `{"text":"${'x'.repeat(maxEventBytes - 11)}"}`,
  deep: `${'['.repeat(maxDepth)}${']'.repeat(maxDepth)}`,
  many: `{"items":[${'1,'.repeat(120_000)}1]}`,
  named: `{${Array.from({ length: 20_000 }, (_, number) => `"k${number}":1`).join(',')}}`,
  number: `{"s":${'9'.repeat(200_000)}}`,
  odd: String.raw`{"s":"\ud800\u0000","__proto__":{"a":1},"s":1e400}`,
};
/** Each is cut off by its budget, or fails, on one of the events above. */
const costly = {
  all: 'data.items.all(i, i > 0)',
  nested: 'data.items.all(a, data.items.all(b, a + b >= 0))',
  pattern: "data.text.matches('^(x+)+$')",
  growing: 'data.items.map(i, i).exists(i, i == 2)',
  equal: 'data == data',
};

export const eventHarm: Record<string, Scenario> = {
  /** Networks may cut anything into single bytes: requests of publishers, and answers of hooks. */
  'single-bytes': {
    isCalm: true,
    isGentle: true,
    act: async (stage) => {
      const { cluster, topic, chance } = stage;
      const name = await stage.subscribe('bytes', 'bytes', { timeoutMs: 15_000 });
      const late = `${nameOf(topic)}-slow-bytes`;
      await cluster.subscribe(late, topic, 'slow-bytes', { timeoutMs: 600, retry: { schedule: [1], jitter: 0 } });
      for (let number = 0; number < 8; number += 1) {
        const data = `{"number":${number},"rate":1.0,"note":"${'ü'.repeat(chance.int(1, 60))}"}`;
        const contentType = number % 2 === 0 ? plain : structured;
        await publishInBytes(stage, { id: `${nameOf(topic)}-bytes-${number}`, data, contentType });
      }
      await until(async () => (await cluster.unheard(late)).length >= 5, {
        timeoutMs: patienceMs,
        what: 'answers that were not there in time',
      });
      expect(await cluster.settled(late)).toEqual([]);
      await cluster.api('DELETE', `/v1/subscriptions/${late}`);
      await until(() => cluster.receiver.received(name).length > 20, { timeoutMs: patienceMs, what: 'whole answers' });
    },
  },

  /** Data as large, as deep and as wide as is taken, attributes at their bounds, and filters that would go on for ever. */
  'extreme-events': {
    isCalm: true,
    isGentle: true,
    act: async (stage) => {
      const { cluster, topic, measured } = stage;
      const pids = cluster.workers.map(({ pid }) => pid);
      const rss = () => Math.max(...cluster.workers.map(({ rssMb }) => rssMb));
      const before = rss();
      const filters = Object.entries(costly).map(([each, filter]) => ({ name: `${nameOf(topic)}-${each}`, filter }));
      for (const { name, filter } of filters) await cluster.subscribe(name, topic, 'slow', { filter });
      // All attributes in headers: not held against what was published, but they have to arrive.
      const inHeaders = `${nameOf(topic)}-headers`;
      await cluster.subscribe(inHeaders, topic, 'slow', { format: 'cloudevents-binary' });
      const extreme = (which: string) => `${nameOf(topic)}-${which}`;
      for (const [each, data] of Object.entries(extremes)) await publish(stage, { id: extreme(each), data });
      await publish(stage, { id: extreme('attributes'), data: '{}', headers: attributes });
      const wanted = [...Object.keys(extremes), 'attributes'].map(extreme);
      for (const name of [`${nameOf(topic)}-steady`, inHeaders]) {
        const heard = () => new Set(cluster.receiver.received(name).map(({ id }) => id));
        await until(() => wanted.every((id) => heard().has(id)), { timeoutMs: patienceMs, what: `all for ${name}` });
      }
      for (const { name } of [...filters, { name: inHeaders }])
        await cluster.api('DELETE', `/v1/subscriptions/${name}`);
      measured['rssGrowthMb'] = rss() - before;
      expect(measured['rssGrowthMb']).toBeLessThan(150);
      expect(cluster.workers.map(({ pid }) => pid)).toEqual(pids);
    },
  },

  /** Whoever sends this event dies of it, twice. Others go on meanwhile, and the third who sends it lives. */
  'kill-its-worker': {
    deaths: 2,
    act: async (stage) => {
      const { cluster, topic, measured } = stage;
      const name = await stage.subscribe('poison', 'poison', { timeoutMs: 15_000 });
      const id = `${nameOf(topic)}-poison`;
      await publish(stage, { id, data: '{}' });
      const tries = () => cluster.receiver.received(name).filter((delivery) => delivery.id === id);
      const others = () => new Set(cluster.receiver.received(name).map((delivery) => delivery.id)).size;
      for (let death = 1; death <= 2; death += 1) {
        await until(() => tries().length >= death, { timeoutMs: patienceMs, what: `try ${death}` });
        const [streamId] = (tries()[0]?.position ?? '').split(':');
        const owners = await cluster.ownersOf(Number(streamId));
        const victim = cluster.workers.find(({ pid }) => owners.includes(pid));
        if (!victim) throw new Error('Nobody owns the stream of the event that has just been sent');
        await killing(stage, victim);
        const before = others();
        await until(() => others() > before + 20, { timeoutMs: patienceMs, what: 'other events to be delivered' });
        await victim.start();
      }
      await until(() => tries().some(({ status }) => status === 204), { timeoutMs: patienceMs, what: 'the third try' });
      measured['tries'] = tries().length;
    },
  },
};
