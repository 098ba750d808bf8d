import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LogPages } from './log-pages.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function setup() {
  const written: string[] = [];
  let flushes = 0;
  const pages = new LogPages(
    { write: (text) => void written.push(text), flushSync: () => void (flushes += 1) },
    { pageSize: 10, latestMs: 100 },
  );
  return { pages, written, flushes: () => flushes };
}

test('hands lines over together once they fill a page', () => {
  const { pages, written } = setup();
  for (const line of ['one\n', 'two\n', 'three\n', 'four\n']) pages.write(line);
  expect(written).toEqual(['one\ntwo\nthree\n']);
});

test('hands a line over that no other joins, a tenth of a second later', () => {
  const { pages, written } = setup();
  pages.write('one\n');
  vi.advanceTimersByTime(60);
  pages.write('two\n');
  expect(written).toEqual([]);
  vi.advanceTimersByTime(40);
  expect(written).toEqual(['one\ntwo\n']);
});

test('leaves nothing behind at the end of the process, and hands over nothing twice', () => {
  const { pages, written, flushes } = setup();
  pages.write('one\n');
  pages.flushSync();
  vi.advanceTimersByTime(1_000);
  expect(written).toEqual(['one\n']);
  expect(flushes()).toBe(1);
});
