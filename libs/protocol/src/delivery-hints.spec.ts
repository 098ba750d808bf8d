import { deliverAtOf, expiresAtOf, orderingKeyOf } from './delivery-hints.js';

const base = { id: '1', source: '/s', type: 't' };

test('an event says in extensions in which order and when it wants to be delivered', () => {
  const extensions = {
    partitionkey: 'c-1',
    deliverat: '2026-10-03T12:00:00+02:00',
    expirytime: '2026-10-04T00:00:00Z',
  };
  const event = { ...base, extensions };
  expect(orderingKeyOf(event)).toBe('c-1');
  expect(deliverAtOf(event)).toEqual(new Date('2026-10-03T10:00:00Z'));
  expect(expiresAtOf(event)).toEqual(new Date('2026-10-04T00:00:00Z'));
});

test('an event that says nothing wants nothing', () => {
  const event = { ...base, extensions: {} };
  expect([orderingKeyOf(event), deliverAtOf(event), expiresAtOf(event)]).toEqual([undefined, undefined, undefined]);
});
