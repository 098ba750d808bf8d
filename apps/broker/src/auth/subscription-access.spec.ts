import { principalOf } from './scope.js';
import { mayReadOwn, touchedBy, touchesNothing } from './subscription-access.js';

const identity = { id: 'k', name: 'k', namespace: 'default' };

test('a declaration touches its subscription, its service and its topics', () => {
  const body = { service: 'billing', topics: ['orders.*'], url: 'http://x/' };
  expect(touchedBy('/v1/subscriptions/:name', { name: 's' }, body)).toEqual({
    subscriptions: ['s'],
    services: ['billing'],
    topics: ['orders.*'],
  });
});

test('a service touches all that it names', () => {
  const subscriptions = [
    { name: 'a', topics: ['x', 'y.*'] },
    { name: 'b', topics: ['z'] },
  ];
  expect(touchedBy('/v1/services/:service', { service: 'billing' }, { subscriptions })).toEqual({
    subscriptions: ['a', 'b'],
    services: ['billing'],
    topics: ['x', 'y.*', 'z'],
  });
});

test('an action may name its subscription in the body', () => {
  expect(touchedBy('/v1/dead-letters/redrive', {}, { subscription: 's' }).subscriptions).toEqual(['s']);
});

test.each([undefined, null, [], 'x', { subscriptions: 'x', topics: 7, service: null, subscription: ['s'] }])(
  'a body like %j touches nothing, and whatever is of a wrong type is left to validation',
  (body) => {
    expect(touchesNothing(touchedBy('/v1/other', { name: 'n' }, body))).toBe(true);
  },
);

test('only what belongs to one subscription may be read without the scope read', () => {
  const key = principalOf({ ...identity, scopes: ['subscribe:a'] });
  expect(mayReadOwn(key, '/v1/subscriptions/:name')).toBe(true);
  expect(mayReadOwn(key, '/v1/subscriptions/:name/deliveries/:eventId')).toBe(true);
  expect(mayReadOwn(key, '/v1/operations/:id')).toBe(true);
  expect(mayReadOwn(key, '/v1/operations')).toBe(false);
  expect(mayReadOwn(key, '/v1/subscriptions')).toBe(false);
  expect(mayReadOwn(key, '/v1/topics/:name')).toBe(false);
  expect(mayReadOwn(principalOf({ ...identity, scopes: ['publish:a'] }), '/v1/subscriptions/:name')).toBe(false);
});
