import { reconciliationFindings, subscriptionFindings } from './diagnosis.js';

const nothingWrong = { events: 10, deliveries: 30, unchecked: 0, violations: [], isWhole: true };

test('deliveries that left no record are not said to be accounted for', () => {
  expect(reconciliationFindings(nothingWrong)).toEqual([
    { grade: 'ok', text: '10 event(s) and 30 deliveries are accounted for.' },
  ]);
  const [ok, note] = reconciliationFindings({ ...nothingWrong, unchecked: 28 });
  expect(ok).toEqual({ grade: 'ok', text: '10 event(s) and 2 deliveries are accounted for.' });
  expect(note?.grade).toBe('note');
  expect(note?.text).toMatch(/^28 deliveries left no record .*HOOKCAST_ATTEMPT_LOG=failures/);
});

test('a parked subscription is told of in a sentence that ends once', () => {
  const parked = { until: '2026-05-04T10:00:00Z', error: 'refused: Nobody listens there.' };
  const one = { name: 'billing', state: 'active', stateReason: null, backlog: 1, oldestPendingAt: null };
  expect(subscriptionFindings([{ ...one, parked }], 0)[0]?.text).toMatch(/there\.$/);
  expect(subscriptionFindings([{ ...one, parked: { ...parked, error: null } }], 0)[0]?.text).toMatch(/asked\.$/);
});
