import { parse } from '@bufbuild/cel';
import fc from 'fast-check';
import { EventView } from './event-view.js';
import { compileFastPath } from './fast-path.js';
import { compileFilter } from './filter.js';

const texts = fc.constantFrom('', 'x', 'eu/', 'eu/1', '1', 'é', 'null');
/** As it stands in JSON and in CEL, which agree on numbers. */
const numbers = fc.constantFrom('0', '1', '-1', '1.0', '1.5', '100', '9007199254740993', '9007199254740992.0', '1e3');
const literals = fc.oneof(
  texts.map((text) => JSON.stringify(text)),
  numbers,
  fc.constantFrom('true', 'false', 'null'),
);

const reads = fc.constantFrom('type', 'subject', 'key', 'data', 'data.a', 'data.a.b', 'data.b', 'data.list');
const comparisons = fc
  .tuple(reads, fc.constantFrom('==', '!=', '<', '<=', '>', '>='), literals)
  .filter(
    ([, operator, literal]) => operator === '==' || operator === '!=' || !['true', 'false', 'null'].includes(literal),
  )
  .map((parts) => parts.join(' '));
const atoms = fc.oneof(
  { weight: 4, arbitrary: comparisons },
  fc.tuple(reads, fc.array(literals, { maxLength: 3 })).map(([read, list]) => `${read} in [${list.join(', ')}]`),
  fc
    .tuple(reads, fc.constantFrom('startsWith', 'endsWith'), texts)
    .map(([read, name, text]) => `${read}.${name}(${JSON.stringify(text)})`),
  fc.constantFrom('has(data.a)', 'has(data.a.b)', 'has(data.b.c)'),
);
const { expression } = fc.letrec<{ expression: string }>((tie) => ({
  expression: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    atoms,
    tie('expression').map((inner) => `!(${inner})`),
    fc
      .tuple(tie('expression'), fc.constantFrom('&&', '||'), tie('expression'))
      .map(([left, operator, right]) => `(${left}) ${operator} (${right})`),
  ),
}));

const { json } = fc.letrec<{ json: string }>((tie) => ({
  json: fc.oneof(
    { depthSize: 'small' },
    literals,
    fc.array(literals, { maxLength: 2 }).map((items) => `[${items.join(',')}]`),
    fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('json')).map(
      (members) =>
        `{${Object.entries(members)
          .map(([name, value]) => `"${name}":${value}`)
          .join(',')}}`,
    ),
  ),
}));

const events = fc.record({
  id: fc.constant('e'),
  source: fc.constant('/s'),
  topic: fc.constant('t'),
  type: texts,
  subject: fc.option(texts, { nil: undefined }),
  key: fc.option(texts, { nil: undefined }),
  data: fc.option(
    fc.oneof({ weight: 9, arbitrary: json }, fc.constant('{broken')).map((text) => Buffer.from(text)),
    { nil: undefined },
  ),
});

test('the fast path decides as the engine does, and leaves to it exactly what is an error', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(expression, events, (text, event) => {
      const engine = compileFilter(text, { fastPath: false });
      const fast = compileFastPath(parse(text).expr);
      if (engine.kind === 'malformed') throw new Error(`${text}: ${engine.detail}`);
      if (fast === undefined) throw new Error(`${text}: no fast path`);
      const verdict = engine.filter.matches(new EventView(event));
      seen.add(verdict.kind);
      const answers = { match: true, 'no-match': false, error: undefined };
      expect(fast(new EventView(event))).toBe(answers[verdict.kind]);
    }),
    { numRuns: 2000 },
  );
  expect([...seen].toSorted()).toEqual(['error', 'match', 'no-match']);
});

test.each([
  'data.total + 1 > 2',
  'data.items.exists(i, i == 1)',
  "type.matches('^a')",
  'data.a == data.b',
  "data['a'] == 1",
])('%s is left to the engine', (text) => {
  expect(compileFastPath(parse(text).expr)).toBeUndefined();
});
