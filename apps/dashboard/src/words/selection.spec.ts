import { bySubscription } from './selection.js';

test('chosen dead letters go to operations of their subscriptions', () => {
  const chosen = [{ id: '1', subscription: 'a' }].concat(
    { id: '2', subscription: 'b' },
    { id: '3', subscription: 'a' },
  );
  expect(bySubscription(chosen)).toEqual([
    { subscription: 'a', ids: ['1', '3'] },
    { subscription: 'b', ids: ['2'] },
  ]);
});
