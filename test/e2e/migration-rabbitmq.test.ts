import { strayCode } from '../support/guide-code.js';
import { movedShop } from '../support/moved-shop.js';
import { until } from '../support/until.js';

const example = (name: string) => new URL(`../../examples/migrations/src/rabbitmq/${name}.ts`, import.meta.url);

test('the code of the guide is that of the programs', () => {
  const guide = new URL('../../docs/migration/from-rabbitmq.md', import.meta.url);
  const [shared, both] = [[example('shop'), example('rmq-acks')], example('both')];
  const programs = { before: [...shared, example('before'), both], after: [...shared, example('after'), both] };
  expect(strayCode(guide, programs)).toEqual([]);
});

describe('the program after the move', () => {
  const moved = movedShop('migrations/dist/rabbitmq/after');

  const place = (order: { orderId: string; total: number }) =>
    fetch(`${moved.shop.url}/orders`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(order),
    });

  test('handles what it emits, also by the wildcard of RabbitMQ', async () => {
    expect((await place({ orderId: 'a', total: 1 })).status).toBe(201);
    await moved.shop.prints('billed a');
    await moved.shop.prints('noted the payment of a');
  });

  test('handles an event again that a handler threw at', async () => {
    moved.bank.answer(503);
    await place({ orderId: 'b', total: 1 });
    await moved.shop.prints('the bank answered 503');
    await moved.shop.prints('billed b');
  });

  test('leaves as a dead letter what RabbitMQ would have handed to the dead-letter exchange', async () => {
    await place({ orderId: 'c', total: -1 });
    const dead = await until(async () => {
      const { body } = await moved.broker.api('GET', '/v1/dead-letters?subscription=shop.orders.created');
      const { items } = body as { items: { reason: string }[] };
      return items.length > 0 && items;
    });
    expect(dead).toMatchObject([{ reason: 'verdict', topic: 'orders.created' }]);
    expect(moved.shop.printed()).not.toContain('billed c');
  });
});
