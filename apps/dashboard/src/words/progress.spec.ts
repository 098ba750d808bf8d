import { progressWords, settledOf } from './progress.js';

const operation = {
  total: 100,
  done: 40,
  failed: 5,
  skipped: 5,
  waiting: 3,
  waitsFor: null,
  rate: 10,
  error: null,
  createdAt: '2026-05-04T10:00:00Z',
  finishedAt: null,
};
const after = (seconds: number) => Date.parse(operation.createdAt) + seconds * 1000;

test('an operation says what came of it and when it will be done', () => {
  expect(settledOf(operation)).toBe(50);
  expect(progressWords(operation, after(20))).toBe(
    '40 of 100 done, 5 failed, 5 left out, 3 under way, about 20 s left',
  );
});

test('one that waits says for what, and one that is over has nothing left', () => {
  expect(progressWords({ ...operation, waitsFor: 'the subscription is paused' }, after(20))).toContain(
    'waits: the subscription is paused',
  );
  expect(progressWords({ ...operation, finishedAt: 'x', waiting: 0 }, after(20))).toBe(
    '40 of 100 done, 5 failed, 5 left out',
  );
});
