import { SchemaCompiler, type CompiledSchema } from './schema-compiler.js';

const compiler = new SchemaCompiler();

function judge(schema: Record<string, unknown>, value: unknown) {
  const compiled = compiler.compile(schema);
  if (compiled.kind === 'refused') throw new Error(compiled.detail);
  return compiled.validate(value);
}

test('tells the first fault by its pointer', () => {
  const schema = { type: 'object', required: ['id'], properties: { items: { items: { type: 'integer' } } } };
  expect(judge(schema, { id: 1, items: [1, 2] })).toBeUndefined();
  expect(judge(schema, {})).toEqual({ pointer: '', detail: "must have required property 'id'" });
  expect(judge(schema, { id: 1, items: [1, 'x'] })).toEqual({ pointer: '/items/1', detail: 'must be integer' });
});

test('names what an enumeration allows and which property is too many', () => {
  expect(judge({ enum: ['a', 'b'] }, 'c')?.detail).toContain('["a","b"]');
  expect(judge({ additionalProperties: false }, { x: 1 })?.detail).toContain('"x"');
});

test('checks formats and 2020-12 keywords', () => {
  expect(judge({ format: 'date-time' }, 'yesterday')).toBeDefined();
  expect(judge({ prefixItems: [{ type: 'string' }], items: false }, ['a', 1])).toBeDefined();
});

test('two topics may use one $id', () => {
  const id = 'https://example.org/order';
  expect(judge({ $id: id, type: 'string' }, 1)).toBeDefined();
  expect(judge({ $id: id, type: 'integer' }, 1)).toBeUndefined();
});

test('takes linear time for a pattern that stops other engines', () => {
  const text = `${'a'.repeat(50_000)}!`;
  const began = process.cpuUsage().user;
  expect(judge({ pattern: '^(a+)+$' }, text)).toBeDefined();
  expect(process.cpuUsage().user - began).toBeLessThan(2_000_000);
});

test.each([
  ['a keyword of the wrong kind', { type: 'text' }, 'is no valid JSON Schema'],
  ['a pattern with a back reference', { pattern: String.raw`(a)\1` }, ''],
  ['a reference to another document', { $ref: 'https://example.org/other' }, 'https://example.org/other'],
  ['another dialect', { $schema: 'http://json-schema.org/draft-04/schema#' }, 'draft-04'],
  ['what only runs asynchronously', { $async: true, type: 'object' }, 'not supported'],
])('refuses %s', (_, schema, detail) => {
  const compiled: CompiledSchema = compiler.compile(schema);
  expect(compiled.kind).toBe('refused');
  if (compiled.kind === 'refused') expect(compiled.detail).toContain(detail);
});

test('holds tens of thousands of items against each other in little time', () => {
  const items = Array.from({ length: 50_000 }, (_, n) => ({ n, name: `item ${n}` }));
  const began = process.cpuUsage().user;
  expect(judge({ uniqueItems: true }, items)).toBeUndefined();
  expect(judge({ uniqueItems: true }, [...items, { name: 'item 7', n: 7 }])).toEqual({
    pointer: '',
    detail: 'must NOT have duplicate items',
  });
  expect(process.cpuUsage().user - began).toBeLessThan(2_000_000);
});

test.each<[Record<string, unknown>, string]>([
  [{ $ref: '#' }, ''],
  [{ $ref: '#/$defs/x', $defs: { x: { anyOf: [{ $ref: '#/$defs/x' }, { type: 'string' }] } } }, ''],
  [{ properties: { a: { not: { $ref: '#/properties/a' } } } }, '/properties/a'],
  [{ properties: { 'a/b': { if: { $ref: '#/properties/a~1b' } } } }, '/properties/a~1b'],
])('a schema that applies itself to the same value is refused: %j', (schema, pointer) => {
  expect(compiler.compile(schema)).toMatchObject({ kind: 'refused', pointer, detail: 'refers to itself without end' });
});

test('a schema may refer to itself for what is in a value', () => {
  const branch = { $ref: '#/$defs/tree' };
  const tree = { type: 'object', properties: { left: branch, right: branch }, additionalProperties: false };
  const schema = { ...branch, $defs: { tree } };
  expect(judge(schema, { left: { left: {}, right: {} } })).toBeUndefined();
  expect(judge(schema, { left: { middle: {} } })?.pointer).toBe('/left');
});

test('what a schema cannot judge is a fault of the value, soon', () => {
  const half = { properties: { x: { $ref: '#/$defs/twice' } } };
  const twice = { $ref: '#/$defs/twice', $defs: { twice: { allOf: [half, half] } } };
  const anchored = { $dynamicAnchor: 'a', anyOf: [{ $dynamicRef: '#a' }, { type: 'string' }] };
  const deep = JSON.parse(`${'{"x":'.repeat(60)}1${'}'.repeat(60)}`) as unknown;
  const began = process.cpuUsage().user;
  expect(judge(twice, deep)?.detail).toContain('too much');
  expect(judge(anchored, 1)?.detail).toMatch(/too (?:much|deep)/);
  expect(process.cpuUsage().user - began).toBeLessThan(4_000_000);
});

test('an event of a megabyte is held against a schema of many references', () => {
  const list = { type: 'array', items: { $ref: '#/$defs/entry' }, $defs: { entry: { type: 'integer' } } };
  const numbers = Array.from({ length: 200_000 }, (_, n) => n);
  expect(judge(list, numbers)).toBeUndefined();
  expect(judge(list, [...numbers, 'x'])?.pointer).toBe('/200000');
});
