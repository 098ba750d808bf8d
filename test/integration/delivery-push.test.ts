import { setup, requestsOf, secret, type DeliverySetup } from './delivery-setup.js';
import { Webhook } from 'standardwebhooks';

let run: DeliverySetup;
beforeEach(async () => {
  run = await setup();
});
afterEach(async () => run.close());

test('pushes every event, byte for byte and signed, and settles it', async () => {
  const { hooks, publish, rows } = run;
  await run.topic('orders.created');
  await run.subscribe('billing', { topics: ['orders.created'] });
  const published = await publish('orders.created', [{ id: 'evt.1' }, { id: 'evt%2' }, {}]);

  expect(await run.worker().runOnce()).toMatchObject({ delivered: 3 });

  const requests = requestsOf(hooks, 'billing');
  expect(requests).toHaveLength(3);
  for (const { headers, body } of requests) {
    expect(() => new Webhook(secret).verify(body.toString(), headers as Record<string, string>)).not.toThrow();
    expect(body.toString()).toContain('"data":{"total":12345678901234567890,"rate":1.0}');
    expect(headers).toMatchObject({
      'content-type': 'application/cloudevents+json; charset=utf-8',
      'hookcast-topic': 'orders.created',
      'hookcast-subscription': 'billing',
      'hookcast-attempt': '1',
    });
  }
  expect(requests.map(({ headers }) => headers['webhook-id'])).toEqual(expect.arrayContaining(['evt%2E1', 'evt%252']));
  expect(requests.map(({ headers }) => headers['hookcast-position']).toSorted()).toEqual(
    published.map(({ position }) => position).toSorted(),
  );
  expect(await rows('select sum(delivered)::int as n, bool_and(settled_seq = head_seq) as done from cursors join streams using (stream_id)')).toEqual([
    { n: 3, done: true },
  ]);
  expect(await rows('select outcome, http_status, attempt_no from attempts')).toEqual(
    Array.from({ length: 3 }, () => ({ outcome: 1, http_status: 204, attempt_no: 1 })),
  );
});
