import { EventHandlers } from './event-handlers.js';

const handle = () => {};
const patterns = (found: { pattern: string }[]) => found.map(({ pattern }) => pattern);

test('every handler whose pattern matches is found, in the order they were given', () => {
  const handlers = new EventHandlers(
    ['orders.*', 'orders.created', 'payments.**', '**'].map((pattern) => ({ pattern, handle })),
  );
  expect(patterns(handlers.of({ topic: 'orders.created', subscription: undefined }))).toEqual([
    'orders.*',
    'orders.created',
    '**',
  ]);
  expect(patterns(handlers.of({ topic: 'payments.card.captured', subscription: 'x' }))).toEqual(['payments.**', '**']);
});

test('a delivery of one of our subscriptions is for its own handlers', () => {
  const handlers = new EventHandlers([
    { pattern: 'orders.*', subscription: 'audit', handle },
    { pattern: 'orders.created', subscription: 'billing', handle },
  ]);
  const of = (subscription: string | undefined) => patterns(handlers.of({ topic: 'orders.created', subscription }));
  expect(of('audit')).toEqual(['orders.*']);
  expect(of('billing')).toEqual(['orders.created']);
  expect(of('made-by-hand')).toEqual(['orders.*', 'orders.created']);
  expect(of(undefined)).toEqual(['orders.*', 'orders.created']);
  expect(patterns(handlers.of({ topic: 'orders.shipped', subscription: 'billing' }))).toEqual([]);
});

test('a pattern that is none is refused', () => {
  expect(() => new EventHandlers([{ pattern: 'orders.*x', handle }])).toThrow(RangeError);
});
