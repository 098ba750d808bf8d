import fc from 'fast-check';
import { jsonExcess } from './json-size.js';

const limits = { maxJsonDepth: 4, maxJsonNodes: 10 };
const excess = (text: string) => jsonExcess(Buffer.from(text), limits);

test.each([
  ['an empty body', ''],
  ['as deep as allowed', '[[[[]]]]'],
  ['brackets in texts', '["[[[[[[[[", "]]\\"[[[[[[", "\\\\"]'],
  ['as many values as allowed', '[1,2,3,4,5,6,7,8]'],
  ['commas in texts', '[",,,,,,,,,,,,,,,"]'],
])('%s passes', (_, text) => {
  expect(excess(text)).toBeUndefined();
});

test.each([
  ['[[[[[]]]]]', 'is nested deeper than 4 levels'],
  ['{"a":{"a":{"a":{"a":{"a":1}}}}}', 'is nested deeper than 4 levels'],
  ['[1,2,3,4,5,6,7,8,9,10]', 'has more than 10 values'],
  ['[[],[],[],[],[]]', 'has more than 10 values'],
])('%s is refused', (text, fault) => {
  expect(excess(text)).toBe(fault);
});

test('whatever JSON it is, the count is that of its values or a little above', () => {
  const count = (value: unknown): number =>
    typeof value === 'object' && value !== null
      ? 1 + Object.values(value).reduce((sum: number, one) => sum + count(one), 0)
      : 1;
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const bytes = Buffer.from(JSON.stringify(value));
      const nodes = count(value);
      expect(jsonExcess(bytes, { maxJsonDepth: 1000, maxJsonNodes: 2 * nodes + 1 })).toBeUndefined();
      if (nodes > 1) expect(jsonExcess(bytes, { maxJsonDepth: 1000, maxJsonNodes: nodes - 1 })).toBeDefined();
    }),
  );
});

test('a megabyte is looked through in a few milliseconds', () => {
  const body = Buffer.from(`[${'[],'.repeat(340_000)}[]]`);
  const began = process.cpuUsage();
  expect(jsonExcess(body, { maxJsonDepth: 32, maxJsonNodes: 10_000_000 })).toBeUndefined();
  expect(process.cpuUsage(began).user).toBeLessThan(500_000);
});
