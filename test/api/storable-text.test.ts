import fc from 'fast-check';
import { testBroker, type TestBroker } from '../support/app.js';
import { accessTable } from './access-table.js';

/*
 * Postgres holds neither NUL nor half of a surrogate pair in a text, JSON can spell both. Wherever either turns up in a
 * request, the caller is told where: it must not come out as a failed statement.
 */
let broker: TestBroker;
beforeAll(async () => {
  broker = await testBroker({ settings: { HOOKCAST_WRONG_KEYS_PER_MINUTE: '1000000' } });
  await broker.call('PUT', '/v1/subscriptions/billing', { topics: ['orders.created'], url: 'http://127.0.0.1:3000/' });
  await broker.call('PUT', '/v1/sources/hub', { sender: 'github', secret: 'a-secret-of-mine-0123' });
});
afterAll(async () => {
  await broker?.close();
});

/** Published data is kept as it came and publishes answer for themselves: see below. */
const withBody = Object.keys(accessTable).filter((route) => /^(POST|PUT) (?!.*\/events$)/.test(route));
const addressOf = (route: string): string =>
  (route.split(' ')[1] ?? '')
    .replace(/(sources)\/:name/, '$1/hub')
    .replace(/(subscriptions)\/:name/, '$1/billing')
    .replace(/(topics)\/:\w+/, '$1/orders.created')
    .replaceAll(/:\w+/g, 'x');

const unstorable = fc.constantFrom('\u0000', '\ud800', '\udc00', '\udbff\ud800', 'a\ud83d', '\ude00b');
const aroundIt = fc.string({ unit: 'grapheme', maxLength: 5 });
const badText = fc.tuple(aroundIt, unstorable, aroundIt).map((parts) => parts.join(''));
const segment = fc.constantFrom(
  'name',
  'scopes',
  'topics',
  'url',
  'filter',
  'auth',
  'headers',
  'schema',
  'a/b',
  'm~n',
  '',
);
const pointerOf = (path: readonly string[]): string =>
  path.map((name) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
const put = (path: readonly string[], value: unknown): unknown =>
  path.reduceRight<unknown>((inner, name) => ({ [name]: inner }), value);

test('a text that Postgres cannot hold is refused with its place, whatever the route and the field', async () => {
  expect(withBody.length).toBeGreaterThan(20);
  const path = fc.array(segment, { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...withBody), path, badText, async (route, names, text) => {
      const body = { ...accessTable[route]?.body, ...(put(names, text) as object) };
      const answer = await broker.call(route.split(' ')[0] ?? '', addressOf(route), body);
      expect(answer.status).toBe(422);
      expect(answer.body).toMatchObject({ code: 'validation-failed', errors: [{ pointer: pointerOf(names) }] });
      expect(answer.text).not.toContain(JSON.stringify(text).slice(1, -1));
    }),
    { numRuns: 500 },
  );
});

test('so is the name of a field', async () => {
  for (const name of ['\u0000', 'x\ud800']) {
    const answer = await broker.call('PUT', '/v1/subscriptions/billing', { headers: { [name]: 'x' } });
    expect(answer).toMatchObject({ status: 422, body: { errors: [{ pointer: '/headers' }] } });
  }
});

test('pairs of surrogates are text like any other', async () => {
  const body = { name: 'deploy 🚀', scopes: ['read'] };
  const answer = await broker.call(
    'POST',
    '/v1/keys',
    Buffer.from(JSON.stringify(body).replace('🚀', '\\ud83d\\ude80')),
    {
      headers: { 'content-type': 'application/json' },
    },
  );
  expect(answer).toMatchObject({ status: 201, body: { name: 'deploy 🚀' } });
});

interface Described {
  paths: Record<string, Record<string, { parameters?: { name: string; in: string }[] }>>;
}

test('no parameter of a query fails a statement', async () => {
  const { body } = await broker.call<Described>('GET', '/openapi.json');
  const operations = Object.entries(body.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { parameters = [] }]) => {
      const address = addressOf(`${method} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`);
      const asked = parameters.filter((one) => one.in === 'query');
      return asked.map(({ name }) => [method.toUpperCase(), `${address}?${name}=`] as const);
    }),
  );
  expect(operations.length).toBeGreaterThan(40);
  for (const [method, address] of operations)
    for (const text of ['%00', 'a%00b', '%ED%A0%80', '%FF']) {
      const signal = AbortSignal.timeout(5000);
      const { status } = await broker.call(method, `${address}${text}`, undefined, { signal });
      expect([address, text, status >= 500 ? status : 'fine']).toEqual([address, text, 'fine']);
    }
});

test('no attribute of a published event fails a statement', async () => {
  const event = { specversion: '1.0', id: '1', source: '/s', type: 't', subject: 's', partitionkey: 'k', ext: 'e' };
  for (const attribute of Object.keys(event))
    for (const text of ['\u0000', 'a\ud800', '\udc00']) {
      const body = Buffer.from(JSON.stringify({ ...event, [attribute]: text, data: { text } }));
      const headers = { 'content-type': 'application/cloudevents+json' };
      const answer = await broker.call('POST', '/v1/topics/orders.created/events', body, { headers });
      expect([attribute, answer.status]).toEqual([attribute, 422]);
    }
});
