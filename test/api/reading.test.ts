import { setTimeout as pause } from 'node:timers/promises';
import { adminKey, testBroker, type TestBroker } from '../support/app.js';
import { until } from '../support/until.js';

interface Page {
  items: { id: string; position: string; publishedAt: string; data: unknown }[];
  nextCursor: string;
}

let broker: TestBroker;
beforeAll(async () => {
  broker = await testBroker();
});
afterAll(async () => {
  await broker?.close();
});

const read = async (topic: string, query = '') => broker.call<Page>('GET', `/v1/topics/${topic}/events${query}`);
const dataOf = (page: { body: Page }) => page.body.items.map(({ data }) => data);

async function publishMany(topic: string, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) await broker.publish(topic, index);
}

test('a topic is read from its beginning, in the order of storing, over all partitions', async () => {
  await publishMany('log.all', 12);
  const page = await read('log.all');
  expect(page.status).toBe(200);
  expect(dataOf(page)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
});

test('pages continue exactly where the one before ended', async () => {
  await publishMany('log.paged', 10);
  const seen: unknown[] = [];
  let after = '';
  for (let pages = 0; pages < 5; pages += 1) {
    const page = await read('log.paged', `?limit=3${after}`);
    seen.push(...dataOf(page));
    after = `&${pages % 2 ? 'cursor' : 'after'}=${page.body.nextCursor}`;
  }
  expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test('the position of a publish is a place to continue from', async () => {
  await broker.call('PUT', '/v1/topics/log.after', { partitions: 1 });
  await broker.publish('log.after', 'a');
  const { position } = await broker.publish('log.after', 'b');
  await broker.publish('log.after', 'c');
  expect(dataOf(await read('log.after', `?after=${position}`))).toEqual(['c']);
});

test('a time, latest and earliest are places to begin', async () => {
  await broker.publish('log.times', 'a');
  await pause(5);
  const from = new Date().toISOString();
  await pause(5);
  await broker.publish('log.times', 'b');
  expect(dataOf(await read('log.times', `?from=${from}`))).toEqual(['b']);
  expect(dataOf(await read('log.times', '?from=earliest'))).toEqual(['a', 'b']);
  expect(dataOf(await read('log.times', '?from=latest'))).toEqual([]);
});

test('a long poll waits for the next event and answers at once when it comes', async () => {
  await broker.publish('log.poll', 'old');
  const { nextCursor } = (await read('log.poll')).body;
  const began = performance.now();
  const polled = read('log.poll', `?after=${nextCursor}&wait=30s`);
  await pause(100);
  await broker.publish('log.poll', 'new');
  expect(dataOf(await polled)).toEqual(['new']);
  expect(performance.now() - began).toBeLessThan(20_000);
});

test('a long poll that waits in vain answers with an empty page and the same place', async () => {
  await broker.publish('log.vain', 1);
  const { nextCursor } = (await read('log.vain')).body;
  const { body, status } = await read('log.vain', `?after=${nextCursor}&wait=50ms`);
  expect(status).toBe(200);
  expect(body).toEqual({ items: [], nextCursor });
});

test('events of another process are found too', async () => {
  const other = await testBroker({ database: broker.database });
  try {
    await broker.publish('log.shared', 1);
    const { nextCursor } = (await read('log.shared')).body;
    const polled = read('log.shared', `?after=${nextCursor}&wait=20s`);
    await other.publish('log.shared', 2);
    expect(dataOf(await polled)).toEqual([2]);
  } finally {
    await other.close();
  }
});

interface Frame {
  id: string;
  data: { id: string; data: unknown };
}

/** Follows an event stream until `stop`. */
function follow(path: string, headers: Record<string, string> = {}) {
  const abort = new AbortController();
  const frames: Frame[] = [];
  const ended = (async () => {
    const response = await fetch(`${broker.url}${path}`, {
      headers: { authorization: `Bearer ${adminKey}`, ...headers },
      signal: abort.signal,
    });
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    let text = '';
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk as Uint8Array).toString();
      const parts = text.split('\n\n');
      text = parts.pop() ?? '';
      frames.push(...parts.flatMap(parseFrame));
    }
  })();
  const stop = async () => {
    abort.abort();
    await ended.catch(() => {});
  };
  return { frames, ended, stop };
}

function parseFrame(text: string): Frame[] {
  const fields = text.split('\n').map((line) => /^(\w*): ?(.*)$/.exec(line));
  const id = fields.find((field) => field?.[1] === 'id')?.[2];
  const data = fields.filter((field) => field?.[1] === 'data').map((field) => field?.[2]);
  return id === undefined ? [] : [{ id, data: JSON.parse(data.join('\n')) as Frame['data'] }];
}

test('an event stream sends what is there and what comes, and continues after Last-Event-ID', async () => {
  await publishMany('log.stream', 3);
  const first = follow('/v1/topics/log.stream/stream');
  await until(() => first.frames.length === 3, { what: 'what is there' });
  await broker.publish('log.stream', 3);
  await until(() => first.frames.length === 4, { what: 'what comes' });
  await first.stop();
  expect(first.frames.map(({ data }) => data.data)).toEqual([0, 1, 2, 3]);

  await broker.publish('log.stream', 4);
  const second = follow('/v1/topics/log.stream/stream', { 'last-event-id': first.frames[1]?.id ?? '' });
  await until(() => second.frames.length === 3, { what: 'the rest' });
  await second.stop();
  expect(second.frames.map(({ data }) => data.data)).toEqual([2, 3, 4]);
});

test('line breaks in published JSON do not break the stream', async () => {
  await broker.call('POST', '/v1/topics/log.lines/events', '{\n  "a":\r\n 1\r}', {
    headers: { 'content-type': 'application/json' },
  });
  const stream = follow('/v1/topics/log.lines/stream');
  await until(() => stream.frames.length === 1, { what: 'the event' });
  await stream.stop();
  expect(stream.frames[0]?.data.data).toEqual({ a: 1 });
});

test('a stream can begin with what comes', async () => {
  await broker.publish('log.live', 'old');
  const stream = follow('/v1/topics/log.live/stream?from=latest');
  await pause(100);
  await broker.publish('log.live', 'new');
  await until(() => stream.frames.length > 0, { what: 'the new event' });
  await stream.stop();
  expect(stream.frames.map(({ data }) => data.data)).toEqual(['new']);
});

test('HEAD on a stream ends', async () => {
  await broker.publish('log.head', 1);
  expect((await broker.call('HEAD', '/v1/topics/log.head/stream')).status).toBe(200);
});

test('a topic that does not exist is not found', async () => {
  expect(await read('nowhere')).toMatchObject({ status: 404, body: { code: 'topic-not-found' } });
  expect(await broker.call('GET', '/v1/topics/nowhere/stream')).toMatchObject({ status: 404 });
});

test.each([
  ['after=nonsense', '/after'],
  ['after=1:1:1', '/after'],
  ['after=999999:1', '/after'],
  ['after=-1:5', '/after'],
  ['from=yesterday', '/from'],
  ['from=2024-02-30T00:00:00Z', '/from'],
  ['limit=0', '/limit'],
  ['limit=1000', '/limit'],
  ['wait=long', '/wait'],
  ['wait=61s', '/wait'],
  ['colour=red', '/colour'],
])('reading with %s is refused', async (query, pointer) => {
  await broker.publish('log.refused', 1);
  const answer = await broker.call<{ errors: { pointer: string }[] }>('GET', `/v1/topics/log.refused/events?${query}`);
  expect(answer).toMatchObject({ status: 422, body: { code: 'validation-failed' } });
  expect(answer.body.errors[0]?.pointer).toBe(pointer);
});

test('after and from exclude each other, and a bad Last-Event-ID is refused', async () => {
  await broker.publish('log.refused', 1);
  const { nextCursor } = (await read('log.refused')).body;
  expect((await read('log.refused', `?after=${nextCursor}&from=latest`)).status).toBe(422);
  const options = { headers: { 'last-event-id': 'x' } };
  expect(await broker.call('GET', '/v1/topics/log.refused/stream', undefined, options)).toMatchObject({
    status: 422,
    body: { errors: [{ pointer: '/last-event-id', detail: 'is not a position in topic log.refused' }] },
  });
  for (const name of ['after', 'cursor'])
    expect(await read('log.refused', `?${name}=x`)).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: `/${name}` }] },
    });
});

test('only so many readers wait at the same time', async () => {
  const small = await testBroker({ settings: { HOOKCAST_MAX_READERS: '1' } });
  try {
    await small.publish('log.few', 1);
    const poll = async () => small.call('GET', '/v1/topics/log.few/events?from=latest&wait=30s');
    const both = [poll(), poll()];
    const refused = await Promise.race(both);
    expect(refused).toMatchObject({ status: 429, body: { code: 'too-many-readers' } });
    expect(refused.headers.get('retry-after')).toBeTruthy();
    expect((await small.call('GET', '/v1/topics/log.few/events')).status).toBe(200);
    await small.publish('log.few', 2);
    const statuses = (await Promise.all(both)).map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([200, 429]));
  } finally {
    await small.close();
  }
});

test('a stop ends streams and long polls instead of waiting for them', async () => {
  const stopped = await testBroker();
  await stopped.publish('log.stop', 1);
  const polled = stopped.call<Page>('GET', '/v1/topics/log.stop/events?from=latest&wait=60s');
  const response = await fetch(`${stopped.url}/v1/topics/log.stop/stream`, {
    headers: { authorization: `Bearer ${adminKey}` },
  });
  await pause(100);
  const began = performance.now();
  stopped.adapter.startClosing();
  const idle = setInterval(() => stopped.app.getHttpServer().closeIdleConnections(), 50);
  await stopped.app.close();
  clearInterval(idle);
  expect(performance.now() - began).toBeLessThan(20_000);
  expect((await polled).body.items).toEqual([]);
  expect(await response.text()).toContain('"data":1');
  await stopped.database.drop();
});

test('a topic that is deleted between finding and reading it is not found, which is no fault of the broker', async () => {
  await broker.publish('fleeting', {});
  const [stream] = await broker.database.pool
    .query<{ stream_id: number }>(
      `delete from streams using topics t where t.id = topic_id and t.name = 'fleeting' returning stream_id`,
    )
    .then(({ rows }) => rows);
  expect(stream).toBeDefined();
  for (const path of ['/v1/topics/fleeting/events', '/v1/topics/fleeting/stream'])
    expect(await broker.call('GET', path)).toMatchObject({ status: 404, body: { code: 'topic-not-found' } });
});
