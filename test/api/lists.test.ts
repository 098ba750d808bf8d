import { DayPartitions } from '@hookcast/log';
import { testBroker, type TestBroker } from '../support/app.js';

interface Page {
  items: Record<string, unknown>[];
  nextCursor: string | null;
}

const dayMs = 86_400_000;
let broker: TestBroker;
beforeAll(async () => {
  broker = await testBroker();
});
afterAll(async () => {
  await broker?.close();
});

const get = async (path: string) => broker.call<Page>('GET', path);

/** Every page of a list, as a program pages that knows nothing but the contract. */
async function pagesOf(path: string, limit: number): Promise<Page[]> {
  const pages: Page[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const query: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const { status, body } = await get(`${path}?limit=${limit}${query}`);
    expect(status).toBe(200);
    expect(body.items.length).toBeLessThanOrEqual(limit);
    pages.push(body);
    cursor = body.nextCursor;
    if (pages.length > 100) throw new Error(`${path} never ends`);
  }
  return pages;
}

async function expectSameInPages(path: string, limit: number): Promise<void> {
  const { items } = (await get(`${path}?limit=200`)).body;
  const pages = await pagesOf(path, limit);
  expect(pages.flatMap((page) => page.items)).toEqual(items);
  expect(pages.length).toBeGreaterThanOrEqual(Math.ceil(items.length / limit));
}

test('what is small enough to be at hand as a whole comes in pages too', async () => {
  expect((await get('/v1/senders')).body.items.length).toBeLessThanOrEqual(50);
  await expectSameInPages('/v1/senders', 7);
  await broker.call('PUT', '/v1/subscriptions/watched', { topics: ['watched'], url: 'http://127.0.0.1:3000/' });
  const source = { sender: 'github', topic: 'watched', secret: 'a secret that GitHub knows' };
  expect((await broker.call('PUT', '/v1/sources/watched', source)).status).toBe(201);
  for (const path of [
    '/v1/workers',
    '/v1/subscriptions/watched/minutes',
    '/v1/sources/watched/minutes',
    '/v1/sources/watched/captures',
  ]) {
    await expectSameInPages(path, 1);
    for (const query of ['limit=0', 'limit=201', 'cursor=x', 'colour=red'])
      expect((await get(`${path}?${query}`)).status).toBe(422);
  }
});

test('the log of a topic ends for a pager, and never for who follows it', async () => {
  for (let n = 0; n < 5; n += 1) await broker.publish('paged', { n });
  const pages = await pagesOf('/v1/topics/paged/events', 2);
  expect(pages.flatMap(({ items }) => items.map(({ data }) => data))).toEqual([0, 1, 2, 3, 4].map((n) => ({ n })));
  const last = pages.at(-2)?.nextCursor;
  for (const query of [`after=${last}`, `cursor=${last}&wait=10ms`]) {
    const { body } = await get(`/v1/topics/paged/events?${query}`);
    expect(body).toEqual({ items: [], nextCursor: last });
  }
});

test('what has expired is listed to its end', async () => {
  await broker.call('PUT', '/v1/topics/gone', { partitions: 3 });
  await broker.call('PUT', '/v1/subscriptions/late', { topics: ['gone'], url: 'http://127.0.0.1:3000/' });
  for (let key = 0; key < 20; key += 1) await broker.publish('gone', { key }, { 'ce-partitionkey': `key-${key}` });
  const later = new Date(Date.now() + 9 * dayMs);
  await new DayPartitions({ pool: broker.database.pool, now: () => later }).runOnce();
  expect((await get('/v1/subscriptions/late/expirations')).body.items).toHaveLength(3);
  await expectSameInPages('/v1/subscriptions/late/expirations', 1);
  expect((await get('/v1/subscriptions/late/expirations?cursor=x')).status).toBe(422);
});
