import { declarationErrors } from './subscription-declaration.js';

const good = { name: 'billing.orders', topics: ['orders.*'], url: 'http://billing:3000/hooks' };

test('a sound declaration has no errors', () => {
  expect(declarationErrors('billing', [good])).toEqual([]);
});

test('every fault is named', () => {
  expect(
    declarationErrors('Billing', [
      good,
      good,
      { name: 'a b', topics: ['orders.created', 'orders.*x'], url: 'billing:3000' },
    ]),
  ).toEqual([
    '"Billing" is no service name',
    'two subscriptions are named "billing.orders"',
    '"a b" is no subscription name',
    '"orders.*x" is no topic pattern',
    '"billing:3000" is no http or https URL',
  ]);
});
