import { deliveryState, type DeliveryFacts, type DeliveryState } from './delivery-state.js';

const settled: DeliveryFacts = {
  isSettled: true,
  retryKind: null,
  isDead: false,
  lastOutcome: null,
  isOlder: false,
  isLeftOut: false,
  hasFiltered: false,
};

test.each<[string, Partial<DeliveryFacts>, DeliveryState]>([
  ['beyond the cursor it is pending', { isSettled: false }, 'pending'],
  ['a delayed event is pending', { retryKind: 1 }, 'pending'],
  ['with a row in retries it is retrying', { retryKind: 0, lastOutcome: 2 }, 'retrying'],
  ['a dead letter that is redelivered is retrying', { retryKind: 2, isDead: true, lastOutcome: 3 }, 'retrying'],
  ['a dead letter is dead', { isDead: true, lastOutcome: 3 }, 'dead'],
  ['one that expired unsent is dead', { isDead: true }, 'dead'],
  ['a success is delivered', { lastOutcome: 1 }, 'delivered'],
  ['a success that is not recorded is delivered', {}, 'delivered'],
  ['without a trace, where a filter kept events back, it is unknown', { hasFiltered: true }, 'unknown'],
  ['a success is delivered whatever a filter did', { lastOutcome: 1, hasFiltered: true }, 'delivered'],
  ['an older one is skipped whatever a filter did', { isOlder: true, hasFiltered: true }, 'skipped'],
  ['a verdict drops it', { lastOutcome: 4 }, 'dropped'],
  ['before the subscription it is skipped', { isOlder: true }, 'skipped'],
  ['left out by a seek it is skipped', { isLeftOut: true }, 'skipped'],
  ['left out by a seek after a failure it is skipped', { isLeftOut: true, lastOutcome: 2 }, 'skipped'],
  ['left out by a seek and sent later it is delivered', { isLeftOut: true, lastOutcome: 1 }, 'delivered'],
  ['let go by an operator it is discarded', { lastOutcome: 6 }, 'discarded'],
  ['an older event that was sent nevertheless is delivered', { isOlder: true, lastOutcome: 1 }, 'delivered'],
])('%s', (_name, facts, expected) => {
  expect(deliveryState({ ...settled, ...facts })).toBe(expected);
});
