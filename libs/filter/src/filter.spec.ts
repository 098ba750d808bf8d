import { compileFilter, type CompileOptions, type FilterVerdict } from './filter.js';
import { EventView, type FilterableEvent } from './event-view.js';

const base: FilterableEvent = {
  id: 'e1',
  source: '/orders',
  type: 'order.created',
  topic: 'orders.created',
  subject: 'eu/42',
  key: 'customer-7',
  datacontenttype: 'application/json',
  extensions: { tenant: 'acme' },
};

function event(data?: string, changes: Partial<FilterableEvent> = {}): EventView {
  return new EventView({ ...base, ...(data === undefined ? {} : { data: Buffer.from(data) }), ...changes });
}

function judge(text: string, view: EventView, options?: CompileOptions): FilterVerdict {
  const compiled = compileFilter(text, options);
  if (compiled.kind === 'malformed') throw new Error(`${text}: ${compiled.detail}`);
  return compiled.filter.matches(view);
}

const order =
  '{"total": 150, "price": 99.5, "n": 7, "big": 9007199254740993, "flag": true, "none": null, "items": [{"qty": 1}, {"qty": 3}], "a": {"b": "x"}, "f": 1.0}';

describe('a filter sees the event', () => {
  test.each([
    "type == 'order.created'",
    "source == '/orders' && topic == 'orders.created' && id == 'e1'",
    "subject.startsWith('eu/')",
    "key != 'customer-8'",
    'time == null && dataschema == null',
    "extensions.tenant == 'acme' && has(extensions.tenant) && !has(extensions.other)",
    'data.total > 100',
    'data.total + 1 == 151',
    'data.n % 2 == 1',
    'data.total == 150.0 && data.f == 1',
    'data.total > 100.5 && data.price < 100',
    'data.price + 1 == 100.5 && data.total / 2.0 == 75.0',
    'data.big == 9007199254740993 && data.big != 9007199254740992',
    'data.flag',
    '!data.flag || data.none == null',
    "data.a.b in ['x', 'y'] && data['a']['b'] == 'x'",
    'data.items.exists(i, i.qty > 2) && data.items.all(i, i.qty > 0)',
    'data.items.map(i, i.qty) == [1, 3] && data.items.filter(i, i.qty > 1).size() == 1',
    'data.items.map(i, i.qty > 1, i.qty * 2) == [6] && data.items.exists_one(i, i.qty == 3)',
    "data.a.b.matches('^[a-z]$') && size(data.items) == 2 && data.items[1].qty == 3",
    "data.total > 100 ? subject.endsWith('42') : false",
    "{'x': 1}[data.a.b] == 1 && data == data",
    "timestamp('2026-01-02T03:04:05Z').getFullYear() == 2026",
  ])('%s matches', (text) => {
    expect(judge(text, event(order))).toEqual({ kind: 'match' });
    expect(judge(text, event(order), { fastPath: false })).toEqual({ kind: 'match' });
  });

  test.each([
    "type == 'other'",
    'data.total < 100',
    'data.n % 2 == 0',
    'data.a.b == 1',
    'has(data.nothing)',
    'has(data.none)',
  ])('%s does not match', (text) => {
    expect(judge(text, event(order))).toEqual({ kind: 'no-match' });
    expect(judge(text, event(order), { fastPath: false })).toEqual({ kind: 'no-match' });
  });
});

describe('an evaluation error is no match, with its reason', () => {
  test.each([
    ['data.missing.deep == 1', 'data.missing is missing'],
    ['data.items.all(i, i.colour == 1)', 'i.colour is missing'],
    ["data.total.startsWith('1')", 'startsWith is not defined for int.(string)'],
    ['data.flag > 1', '> is not defined for (bool, int)'],
    ['data.total', 'the filter gives int, not true or false'],
    ["time.startsWith('2026')", 'startsWith is not defined for null_type.(string) (the event has no time)'],
    ['data.n / 0 == 1', 'int divide by zero'],
  ])('%s: %s', (text, detail) => {
    expect(judge(text, event(order))).toEqual({ kind: 'error', detail });
  });

  test.each([
    [undefined, undefined, 'the event has no data'],
    ['{"total":', 'application/json', 'data is not JSON'],
    ['hello', undefined, 'data is not JSON'],
    ['{"total": 150}', 'text/plain', 'data is text/plain, not JSON'],
  ])('data %s of type %s: %s', (data, datacontenttype, detail) => {
    const view = event(data, { datacontenttype });
    expect(judge('data.total > 100', view)).toEqual({ kind: 'error', detail });
    expect(judge("data.total > 100 || type == 'order.created'", view)).toEqual({ kind: 'match' });
  });

  test('bytes that are no UTF-8 are no JSON, a replacement character is one like any other', () => {
    const broken = event(undefined, { data: Buffer.from([0x22, 0xff, 0x22]) });
    expect(judge("data == 'x'", broken)).toEqual({ kind: 'error', detail: 'data is not JSON in UTF-8' });
    expect(judge("data == '\ufffd'", event('"\ufffd"'))).toEqual({ kind: 'match' });
  });

  test('an error beside a deciding operand is no error', () => {
    expect(judge("data.missing == 1 || type == 'order.created'", event(order))).toEqual({ kind: 'match' });
    expect(judge("data.missing == 1 && type == 'x'", event(order))).toEqual({ kind: 'no-match' });
  });

  test('a reason is never longer than its bound', () => {
    const verdict = judge(`data.${'x'.repeat(1000)} == 1`, event(order));
    expect(verdict.kind === 'error' && verdict.detail.length).toBe(300);
  });
});

describe('a wrong expression is refused with its place', () => {
  test.each([
    ['data.total >', 1, 12],
    ['data.total > 1 &&\n  subject == ', 2, 11],
    ["type == 'x' && nope == 1", 1, 16],
    ['subjct.startsWith("x")', 1, 1],
    ["data.a.startWith('x')", 1, 7],
    ["data.a.matches('(')", 1, 16],
    ['data.a.matches(data.b)', 1, 7],
    ["data.a.matches('((a{10}){10}){10}')", 1, 16],
    ['data.total + 1', 1, 12],
    ["'yes'", 1, 1],
    ['subject && data.x', 1, 1],
    ['has(subject)', 1, 1],
    ["type == '\\ud800'", 1, 1],
    ['data.b.c(', 1, 7],
    ['', 1, 1],
    ['google.protobuf.Timestamp{seconds: 1} == 1', 1, 1],
  ])('%s', (text, line, column) => {
    const compiled = compileFilter(text);
    expect(compiled.kind).toBe('malformed');
    expect(compiled.kind === 'malformed' && compiled.detail).not.toBe('');
    expect(compiled.kind === 'malformed' && compiled.position).toMatchObject({ line, column });
  });

  test('an unknown name says how an extension attribute is written', () => {
    expect(compileFilter("tenant == 'acme'")).toMatchObject({ detail: expect.stringContaining('extensions.tenant') });
  });

  test.each([
    ['long', `type == '${'x'.repeat(5000)}'`],
    ['nested', `${'dyn('.repeat(100)}true${')'.repeat(100)}`],
    ['full of parts', Array.from({ length: 200 }, (_, n) => `data.a${n} == 1`).join(' && ')],
    ['of macros in macros', 'data.all(a, data.all(b, data.all(c, true)))'],
    ['of brackets', `${'['.repeat(2000)}1${']'.repeat(2000)} == data`],
  ])('an expression too %s is refused', (_name, text) => {
    expect(compileFilter(text).kind).toBe('malformed');
  });
});
