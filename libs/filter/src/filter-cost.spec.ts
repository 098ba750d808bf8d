import { compileFilter, type FilterVerdict } from './filter.js';
import { EventView } from './event-view.js';

const text = (length: number, character = 'a'): string => character.repeat(length);

/** The largest data an event may have is 256 KiB. */
const hostile: [string, unknown, string][] = [
  ['a long list', { items: Array.from({ length: 100_000 }, () => 1) }, 'data.items.all(i, i > 0)'],
  [
    'lists in lists',
    { items: Array.from({ length: 300 }, (_, n) => n) },
    'data.items.all(a, data.items.all(b, a + b >= 0))',
  ],
  [
    'an error per element',
    { items: Array.from({ length: 100_000 }, () => 1) },
    'data.items.exists(i, i.x == 1) || true',
  ],
  ['a list that grows', { items: Array.from({ length: 100_000 }, () => 1) }, 'data.items.map(i, i).exists(i, i == 2)'],
  ['a search in a list', { items: Array.from({ length: 100_000 }, () => 1) }, '2 in data.items'],
  [
    'a comparison of everything',
    { items: Array.from({ length: 100_000 }, () => 1) },
    'data == data.items || data.items.map(i, data) == data.items.map(i, data)',
  ],
  ['texts that double', { s: text(200_000) }, `[data.s]${'.map(x, x + x)'.repeat(8)}.size() == 1`],
  ['a regular expression that backtracks elsewhere', { s: `${text(200_000)}!` }, "data.s.matches('^(a+)+$')"],
  ['a regular expression that repeats', { s: `${text(2500)}!` }, "data.s.matches('((a{10}){10}){2}$')"],
  [
    'a regular expression per element',
    { items: Array.from({ length: 50_000 }, () => 'aab') },
    "data.items.exists(i, i.matches('^(a+)+$'))",
  ],
  ['a needle as long as the haystack', { s: text(130_000), t: `b${text(60_000)}` }, 'data.s.contains(data.t)'],
  [
    'a number looked up among many names',
    {
      m: Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`k${n}`, 1])),
      items: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    },
    'data.items.exists(a, data.items.exists(b, data.m[a] == b))',
  ],
  ['a huge number', { s: text(250_000, '9') }, 'int(data.s) > 1'],
  ['many characters counted', { s: text(250_000) }, 'data.s.size() > 1 && size(data.s) > 1'],
];

/** Milliseconds of CPU time: far above what the budget allows, far below what these cost without one. */
const bound = 150;

describe('one evaluation costs no more than its budget', () => {
  test.each(hostile)('%s', (_name, data, expression) => {
    const compiled = compileFilter(expression);
    if (compiled.kind === 'malformed') throw new Error(compiled.detail);
    const { verdict, milliseconds } = cheapest(() => {
      const view = viewOf(JSON.stringify(data));
      view.reading();
      return () => compiled.filter.matches(view);
    });
    expect(verdict).toEqual({ kind: 'error', detail: 'the filter is too costly for this event' });
    expect(milliseconds).toBeLessThan(bound);
  });

  test('a list of a thousand elements is within it', () => {
    const view = viewOf(JSON.stringify({ items: Array.from({ length: 1000 }, (_, n) => ({ qty: n + 1 })) }));
    expect(matchesOf('data.items.all(i, i.qty > 0)', view)).toEqual({ kind: 'match' });
    expect(matchesOf("data.items.exists(i, i.qty == 1000 && type == 't')", view)).toEqual({ kind: 'match' });
  });

  test('an expensive event leaves nothing behind for the next', () => {
    const compiled = compileFilter('data.items.all(i, i > 0)');
    if (compiled.kind === 'malformed') throw new Error(compiled.detail);
    expect(
      compiled.filter.matches(viewOf(JSON.stringify({ items: Array.from({ length: 100_000 }, () => 1) }))).kind,
    ).toBe('error');
    expect(compiled.filter.matches(viewOf('{"items": [1, 2]}'))).toEqual({ kind: 'match' });
  });

  test('data nested without end is an error, not a crash', () => {
    expect(matchesOf('data == 1', viewOf('['.repeat(100_000)))).toEqual({
      kind: 'error',
      detail: 'the data is nested too deeply',
    });
  });

  test('an integer of a hundred thousand digits is read as a double', () => {
    expect(matchesOf('data > 1', viewOf(text(100_000, '9')))).toEqual({ kind: 'match' });
  });
});

function viewOf(json: string): EventView {
  return new EventView({ id: 'e', source: '/s', type: 't', topic: 't', data: Buffer.from(json) });
}

function matchesOf(expression: string, view: EventView): FilterVerdict {
  const compiled = compileFilter(expression);
  if (compiled.kind === 'malformed') throw new Error(compiled.detail);
  return compiled.filter.matches(view);
}

/**
 * What the cheapest of three costs in CPU time: the wall clock goes on while others run, and a collection of garbage may
 * fall into one of them.
 */
function cheapest(prepare: () => () => FilterVerdict): { verdict: FilterVerdict; milliseconds: number } {
  const costs: number[] = [];
  for (;;) {
    const run = prepare();
    const began = process.cpuUsage();
    const verdict = run();
    costs.push(process.cpuUsage(began).user / 1000);
    if (costs.length === 3) return { verdict, milliseconds: Math.min(...costs) };
  }
}
