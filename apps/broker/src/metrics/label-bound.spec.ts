import { boundedLabels } from './label-bound.js';

test('the oldest have labels of their own, all others share theirs, and what is gone has none', () => {
  const all = [3, 5, 9].map((id) => ({ id, namespace: 'default', name: `s${id}` }));
  const labels = boundedLabels(all, 2);
  expect([3, 5, 9, 10].map(labels)).toEqual([
    { namespace: 'default', name: 's3' },
    { namespace: 'default', name: 's5' },
    { namespace: '_other', name: '_other' },
    undefined,
  ]);
});
