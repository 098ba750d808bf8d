import { DeclaredSubscriptions } from './declared-subscriptions.js';

const declared = new DeclaredSubscriptions(
  [
    { name: 'billing', topics: ['orders.*', 'refunds.made'], ordering: 'strict' },
    { name: 'audit', topics: ['**'], ordering: 'key' },
  ],
  false,
);

test.each([
  ['billing', 'orders.created', undefined],
  ['billing', 'refunds.made', undefined],
  ['billing', 'payments.made', 'undeclared-topic'],
  ['audit', 'payments.made', undefined],
  ['by-hand', 'payments.made', undefined],
  [undefined, 'payments.made', undefined],
])('a delivery of %s on %s: %s', (subscription, topic, reason) => {
  expect(declared.refusalOf({ subscription, topic })?.reason).toBe(reason);
});

test('only a declared subscription keeps ids apart', () => {
  const scopes = ['billing', 'by-hand', undefined].map((subscription) => declared.scopeOf({ subscription }));
  expect(scopes).toEqual(['billing', '', '']);
});

test('a subscription is as strict as it was declared, and others as the receiver says', () => {
  const names = ['billing', 'audit', 'by-hand', undefined];
  expect(names.map((subscription) => declared.isStrict({ subscription }))).toEqual([true, false, false, false]);
  const strict = new DeclaredSubscriptions([{ name: 'audit', topics: ['**'] }], true);
  expect(names.map((subscription) => strict.isStrict({ subscription }))).toEqual([true, false, true, true]);
});
