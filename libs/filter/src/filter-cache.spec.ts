import { FilterCache } from './filter-cache.js';

test('a text is compiled once, and the least recently asked for goes first', () => {
  const cache = new FilterCache(2);
  const first = cache.compile("type == 'a'");
  const second = cache.compile("type == 'b'");
  expect(cache.compile("type == 'a'")).toBe(first);
  cache.compile('type ==');
  expect(cache.size).toBe(2);
  expect(cache.compile("type == 'a'")).toBe(first);
  expect(cache.compile("type == 'b'")).not.toBe(second);
});
