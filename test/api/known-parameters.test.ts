import { testBroker, type TestBroker } from '../support/app.js';
import { accessTable } from './access-table.js';

let broker: TestBroker;
beforeAll(async () => {
  broker = await testBroker();
});
afterAll(async () => {
  await broker?.close();
});

interface Problem {
  code: string;
  errors: { pointer: string; detail: string }[];
}

const routes = Object.entries(accessTable).filter(([route]) => / \/v1\//.test(route));

test.each(routes)('%s refuses a parameter that it does not know', async (route, { body }) => {
  const [method = '', template = ''] = route.split(' ');
  const path = template.replaceAll(/:\w+/g, 'none');
  const answer = await broker.call<Problem>(method, `${path}?unheard=1`, body);
  expect(answer).toMatchObject({ status: 422, body: { code: 'validation-failed' } });
  expect(answer.body.errors).toContainEqual({
    pointer: '/unheard',
    detail: expect.stringMatching(/^is not a known (field|parameter)/),
  });
});

test('a dry run that is asked for in the wrong place is not taken for the real thing', async () => {
  await broker.call('PUT', '/v1/subscriptions/billing', { topics: ['orders'], url: 'http://127.0.0.1:3000/' });
  await broker.publish('orders', 1);
  const backlog = async () => (await broker.call<{ backlog: number }>('GET', '/v1/subscriptions/billing')).body.backlog;
  expect(await backlog()).toBe(1);
  const seek = await broker.call<Problem>('POST', '/v1/subscriptions/billing/seek?dryRun=true', { to: 'latest' });
  expect(seek.body.errors).toEqual([
    {
      pointer: '/dryRun',
      detail: 'is not a known parameter of the address; fields of the request belong into its body',
    },
  ]);
  expect(await backlog()).toBe(1);
  const { status } = await broker.call('DELETE', '/v1/subscriptions/billing?dryRun=true');
  expect([status, await backlog()]).toEqual([422, 1]);
});

test('what watches a process may put anything behind its address', async () => {
  for (const path of ['/health/live', '/health/ready', '/metrics', '/.well-known/hookcast-keys.json', '/'])
    expect([path, (await broker.call('GET', `${path}?now=1`)).status]).toEqual([path, 200]);
});
