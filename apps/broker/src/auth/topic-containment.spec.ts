import { compilePattern } from '@hookcast/protocol';
import fc from 'fast-check';
import { covers, firstUncovered } from './topic-containment.js';

test.each([
  ['orders.*', 'orders.created'],
  ['orders.*', 'orders.*'],
  ['orders.**', 'orders.**'],
  ['orders.**', 'orders.*'],
  ['orders.**', 'orders.eu.created'],
  ['*.created', 'orders.created'],
  ['*.**', 'orders.**'],
  ['**', '**'],
  ['**', '*'],
  ['**', 'orders'],
  ['orders', 'orders'],
])('%s covers %s', (pattern, wanted) => {
  expect(covers(pattern, wanted)).toBe(true);
});

test.each([
  ['orders.*', 'orders'],
  ['orders.*', 'orders.eu.created'],
  ['orders.*', 'orders.**'],
  ['orders.*', '*.created'],
  ['orders.*', '**'],
  ['orders.*', 'ordersx.created'],
  ['orders.**', 'orders'],
  ['*', '**'],
  ['*.**', '**'],
  ['*.*', '*'],
  ['orders', 'order'],
])('%s does not cover %s', (pattern, wanted) => {
  expect(covers(pattern, wanted)).toBe(false);
});

test('the first pattern that nothing covers is named', () => {
  expect(firstUncovered(['orders.*', 'users.**'], ['orders.a', 'users.b.c'])).toBeUndefined();
  expect(firstUncovered(['orders.*'], ['orders.a', 'users.b'])).toBe('users.b');
  expect(firstUncovered([], ['a'])).toBe('a');
  expect(firstUncovered([], [])).toBeUndefined();
});

const segment = fc.constantFrom('a', 'b', '*');
const pattern = fc
  .tuple(fc.array(segment, { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([segments, open]) => [...(open ? segments.slice(0, -1) : segments), ...(open ? ['**'] : [])].join('.'));
const topic = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 6 }).map((names) => names.join('.'));

test('what a covered pattern matches, the covering one matches', () => {
  fc.assert(
    fc.property(pattern, pattern, topic, (one, other, name) => {
      fc.pre(covers(one, other) && compilePattern(other)(name));
      expect(compilePattern(one)(name)).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

/** Topics of a pattern with names that no pattern mentions, `**` as one segment and as more than any pattern has. */
function witnesses(of: string): string[] {
  const open = ['z', 'z.z', 'z.z.z.z.z.z'];
  const fixed = of.split('.').map((part) => (part === '*' ? 'z' : part));
  return of.endsWith('**') ? open.map((tail) => [...fixed.slice(0, -1), tail].join('.')) : [fixed.join('.')];
}

test('of a pattern that is not covered some topic is not matched', () => {
  fc.assert(
    fc.property(pattern, pattern, (one, other) => {
      fc.pre(!covers(one, other));
      expect(witnesses(other).some((name) => !compilePattern(one)(name))).toBe(true);
    }),
    { numRuns: 2000 },
  );
});
