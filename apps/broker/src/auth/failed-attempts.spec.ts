import { FailedAttempts } from './failed-attempts.js';

const attempts = () => new FailedAttempts(3);

test('after too many failures an address waits, longer each time, and others do not', () => {
  const failed = attempts();
  for (let turn = 0; turn < 3; turn += 1) failed.add('a', 0);
  expect(failed.refusal('a', 0)).toBeUndefined();
  const waits = [1, 2, 4, 8, 16, 32, 60, 60].map(() => {
    failed.add('a', 0);
    return Number(failed.refusal('a', 0)?.headers['retry-after']);
  });
  expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
  expect(failed.refusal('a', 60_000)).toBeUndefined();
  expect(failed.refusal('b', 0)).toBeUndefined();
});

test('a quiet minute makes it all good', () => {
  const failed = attempts();
  for (let turn = 0; turn < 4; turn += 1) failed.add('a', 0);
  failed.add('a', 61_000);
  expect(failed.refusal('a', 61_000)).toBeUndefined();
});

test('the memory for addresses is bounded', () => {
  const failed = attempts();
  for (let turn = 0; turn < 4; turn += 1) failed.add('first', 0);
  expect(failed.refusal('first', 0)).toBeDefined();
  for (let address = 0; address < 10_000; address += 1) failed.add(String(address), 0);
  expect(failed.refusal('first', 0)).toBeUndefined();
});
