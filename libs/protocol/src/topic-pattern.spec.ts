import fc from 'fast-check';
import { compilePattern, isTopicName, isTopicPattern } from './topic-pattern.js';

/** The definition, segment by segment and with nothing clever. */
function matchesNaively(pattern: readonly string[], topic: readonly string[]): boolean {
  const [head, ...rest] = pattern;
  const [segment, ...others] = topic;
  if (head === undefined || segment === undefined) return head === segment;
  if (head === '**') return rest.length === 0;
  return (head === '*' || head === segment) && matchesNaively(rest, others);
}

const segment = fc.constantFrom('a', 'b', 'ab', 'a-b', 'a_b', '0');
const topic = fc.array(segment, { minLength: 1, maxLength: 5 }).map((segments) => segments.join('.'));
const pattern = fc
  .tuple(fc.array(fc.oneof(segment, fc.constant('*')), { maxLength: 4 }), fc.oneof(segment, fc.constantFrom('*', '**')))
  .map(([segments, last]) => [...segments, last].join('.'));

test('a pattern matches what the definition says', () => {
  let matches = 0;
  fc.assert(
    fc.property(pattern, topic, (given, name) => {
      const expected = matchesNaively(given.split('.'), name.split('.'));
      if (expected) matches++;
      expect(compilePattern(given)(name)).toBe(expected);
    }),
    { numRuns: 5000 },
  );
  expect(matches).toBeGreaterThan(200);
});

test('a pattern without a star matches its own name only', () => {
  fc.assert(fc.property(topic, topic, (one, other) => compilePattern(one)(other) === (one === other)));
});

test('dots in a pattern are dots', () => {
  expect(compilePattern('*.b')('axb')).toBe(false);
  expect(compilePattern('orders.*')('ordersxcreated')).toBe(false);
});

test.each(['a', '0', 'orders.created', 'a-b_c.d', 'a.-', 'x'.repeat(128)])('%s is a topic name', (name) => {
  expect(isTopicName(name)).toBe(true);
  expect(isTopicPattern(name)).toBe(true);
});

test.each(['', '.', 'a.', '.a', 'a..b', '-a', '_a', 'A', 'a b', 'é', 'a/b', 'a\n', 'x'.repeat(129)])(
  '%j is neither a topic name nor a pattern',
  (name) => {
    expect(isTopicName(name)).toBe(false);
    expect(isTopicPattern(name)).toBe(false);
    expect(() => compilePattern(name)).toThrow(RangeError);
  },
);

test.each(['*', '**', '*.created', 'orders.*', 'orders.**', '*.*', '*.**', `${'a.'.repeat(63)}**`])(
  '%s is a pattern but no topic name',
  (text) => {
    expect(isTopicPattern(text)).toBe(true);
    expect(isTopicName(text)).toBe(false);
  },
);

test.each(['***', '**.a', 'a.**.b', 'a*', '*a', 'a.b*', 'a.*b.c', '.*', '*.', '*..*', 'A.*', `${'a.'.repeat(64)}*`])(
  '%s is no pattern',
  (text) => {
    expect(isTopicPattern(text)).toBe(false);
    expect(() => compilePattern(text)).toThrow(RangeError);
  },
);
