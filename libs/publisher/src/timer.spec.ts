import { getEventListeners } from 'node:events';
import { pause, startTimer } from './timer.js';

test('a time that is longer than a timer can be does not fire at once', async () => {
  let fired = 0;
  const timers = [2 ** 31, 1e15, Infinity].map((ms) => startTimer(() => (fired += 1), ms));
  await pause(30);
  for (const timer of timers) clearTimeout(timer);
  expect(fired).toBe(0);
});

test('a pause ends with its signal, and leaves nothing behind on it when it ends by itself', async () => {
  const stop = new AbortController();
  await pause(1, stop.signal);
  expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
  const long = pause(60_000, stop.signal);
  stop.abort();
  await long;
  await pause(60_000, stop.signal);
  expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
});
