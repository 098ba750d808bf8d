import { adminKey, testBroker, type TestBroker } from '../support/app.js';
import { until } from '../support/until.js';

const url = 'http://127.0.0.1:3000/';

let broker: TestBroker;
let acme: string;
beforeAll(async () => {
  broker = await testBroker();
  const made = await broker.call<{ key: string }>('POST', '/v1/keys', {
    name: 'acme',
    scopes: ['admin'],
    namespace: 'acme',
  });
  acme = made.body.key;
});
afterAll(async () => {
  await broker?.close();
});

/** Reads until it is closed. `changes` are the frames so far, but for comments. */
async function follow(key = adminKey): Promise<{ changes: { event: string; data: unknown }[]; close(): void }> {
  const controller = new AbortController();
  const response = await fetch(`${broker.url}/v1/live`, {
    headers: { authorization: `Bearer ${key}` },
    signal: controller.signal,
  });
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  const changes: { event: string; data: unknown }[] = [];
  let text = '';
  const reading = (async () => {
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString();
      const frames = text.split('\n\n');
      text = frames.pop() ?? '';
      for (const frame of frames) {
        const [, event, data] = /^event: (\S+)\ndata: (.*)$/.exec(frame) ?? [];
        if (event !== undefined && data !== undefined) changes.push({ event, data: JSON.parse(data) });
      }
    }
  })();
  reading.catch(() => {});
  return { changes, close: () => controller.abort() };
}

test('tells of publishes, attempts and states, whichever process they come from, to their namespace only', async () => {
  const put = await broker.call('PUT', '/v1/subscriptions/billing', { topics: ['t'], url });
  expect(put.status).toBe(201);
  const [ours, theirs] = await Promise.all([follow(), follow(acme)]);
  await broker.publish('t', { n: 1 });
  await broker.publish('t', { n: 2 });
  await broker.call('POST', '/v1/subscriptions/billing/pause');
  // As a worker of another process writes it.
  await broker.database.pool.query(
    `insert into delivery_stats (subscription_id, minute, worker_id, delivered, failed, dead, durations)
     select id, date_trunc('minute', now()), gen_random_uuid(), 3, 1, 0, '{}' from subscriptions where name = 'billing'`,
  );
  const seen = (event: string) => ours.changes.filter((one) => one.event === event).map(({ data }) => data);
  await until(() => ['published', 'attempted', 'state'].every((event) => seen(event).length > 0), {
    what: 'each kind of change',
  });
  const events = () => seen('published').reduce<number>((sum, data) => sum + (data as { events: number }).events, 0);
  await until(() => events() === 2, { what: 'both events' });
  expect(seen('published')[0]).toMatchObject({ topic: 't' });
  expect(seen('attempted')).toEqual([{ subscription: 'billing', delivered: 3, failed: 1, dead: 0 }]);
  expect(seen('state')).toEqual([{ subscription: 'billing', from: 'active', to: 'paused', reason: null }]);
  await broker.publish('later', {}, { authorization: `Bearer ${acme}` });
  await until(() => theirs.changes.length > 0, { what: 'what acme does' });
  expect(theirs.changes).toEqual([{ event: 'published', data: { topic: 'later', events: 1 } }]);
  expect(JSON.stringify(ours.changes)).not.toContain('later');
  ours.close();
  theirs.close();
});

test('takes a look and says nothing to HEAD', async () => {
  const { status, text } = await broker.call('HEAD', '/v1/live');
  expect({ status, text }).toEqual({ status: 200, text: '' });
});
