import { flowWords } from './flow.js';

const calm = {
  state: 'active',
  window: 32,
  concurrency: 32,
  drainRate: null,
  toDrain: 0,
  backlog: 0,
  rateLimit: null,
  parked: null,
};

test('what bounds nothing is not told', () => {
  expect(flowWords(calm, 0)).toEqual([]);
  expect(flowWords({ ...calm, window: 1, state: 'paused' }, 0)).toEqual([]);
  expect(flowWords({ ...calm, window: null }, 0)).toEqual([]);
});

test('a window that shrank, and a backlog that is drained slowly, are', () => {
  expect(flowWords({ ...calm, window: 2 }, 0)[0]).toContain('2 requests at once of the 32');
  const [words] = flowWords({ ...calm, drainRate: 10, rateLimit: 5, toDrain: 300 }, 0);
  expect(words).toContain('at 5 a second');
  expect(words).toContain('300 events left, done in 60 s');
});
