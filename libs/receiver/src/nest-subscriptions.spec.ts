import type { OnEventOptions } from './nest-on-event.js';
import { planSubscriptions } from './nest-subscriptions.js';

const options = { service: 'email', url: 'http://email:3000/hooks', defaults: { timeoutMs: 5_000 } };
const handler = (pattern: string, of: OnEventOptions = {}) => ({
  pattern,
  options: of,
  name: `Mails.${pattern}`,
  handle: () => {},
});

test('every pattern has a subscription of its own, with the defaults of the service', () => {
  const { subscriptions, entries } = planSubscriptions(
    ['orders.created', 'orders.*', '**'].map((one) => handler(one)),
    options,
  );
  expect(subscriptions).toEqual([
    { name: 'email.orders.created', topics: ['orders.created'], url: options.url, timeoutMs: 5_000 },
    { name: 'email.orders.any', topics: ['orders.*'], url: options.url, timeoutMs: 5_000 },
    { name: 'email.all', topics: ['**'], url: options.url, timeoutMs: 5_000 },
  ]);
  expect(entries.map(({ subscription }) => subscription)).toEqual(subscriptions.map(({ name }) => name));
});

test('handlers of one pattern share its subscription', () => {
  const { subscriptions, entries } = planSubscriptions(
    [handler('orders.*'), handler('orders.*', { concurrency: 4 })],
    options,
  );
  expect(subscriptions).toMatchObject([{ name: 'email.orders.any', topics: ['orders.*'], concurrency: 4 }]);
  expect(entries).toHaveLength(2);
});

test('handlers that name a subscription share it over their patterns', () => {
  const mails = { subscription: 'mails', format: 'standard-webhooks', timeoutMs: 100 } as const;
  const { subscriptions } = planSubscriptions([handler('orders.*', mails), handler('payments.*', mails)], options);
  expect(subscriptions).toEqual([
    {
      name: 'mails',
      topics: ['orders.*', 'payments.*'],
      url: options.url,
      format: 'standard-webhooks',
      timeoutMs: 100,
    },
  ]);
});

test('handlers that disagree about their subscription are named', () => {
  const handlers = [handler('orders.*', { concurrency: 4 }), handler('orders.*', { concurrency: 8 })];
  expect(() => planSubscriptions(handlers, options)).toThrow('Mails.orders.*');
});
