import fc from 'fast-check';
import { SchemaCompiler } from './schema-compiler.js';
import { widenings } from './schema-compatibility.js';

const order = {
  type: 'object',
  required: ['id', 'total'],
  properties: { id: { type: 'string' }, total: { type: 'integer', minimum: 0 }, state: { enum: ['paid', 'open'] } },
};
const pointers = (after: Record<string, unknown> | null, before: Record<string, unknown> | null = order) =>
  widenings(before, after).map(({ pointer }) => pointer);

test.each([
  ['nothing', order],
  ['a title', { ...order, title: 'Order' }],
  ['the order of members', { properties: order.properties, required: order.required, type: 'object' }],
  ['one more required property', { ...order, required: ['id', 'total', 'state'] }],
  ['a described property', { ...order, properties: { ...order.properties, note: { type: 'string' } } }],
  ['no additional properties', { ...order, additionalProperties: false }],
  ['a value less', { ...order, properties: { ...order.properties, state: { enum: ['paid'] } } }],
])('a change of %s surprises nobody', (_, after) => {
  expect(widenings(order, after)).toEqual([]);
});

test.each([
  ['a property that is no longer required', { ...order, required: ['id'] }, '/required'],
  [
    'a value more',
    { ...order, properties: { ...order.properties, state: { enum: ['paid', 'open', 'void'] } } },
    '/properties/state/enum',
  ],
  [
    'fractions',
    { ...order, properties: { ...order.properties, total: { type: 'number', minimum: 0 } } },
    '/properties/total/type',
  ],
  [
    'a lower bound',
    { ...order, properties: { ...order.properties, total: { type: 'integer', minimum: -1 } } },
    '/properties/total/minimum',
  ],
  [
    'a property that may be anything',
    { ...order, properties: { id: order.properties.id, total: order.properties.total } },
    '/properties/state',
  ],
  ['no schema at all', null, ''],
])('%s is reported', (_, after, pointer) => {
  expect(pointers(after)).toEqual([pointer]);
});

test.each([
  ['prefixItems takes from items', { items: false }, { items: false, prefixItems: [true] }, ['/prefixItems']],
  [
    'patternProperties takes from additionalProperties',
    { additionalProperties: false },
    { additionalProperties: false, patternProperties: { '^a': true } },
    ['/patternProperties'],
  ],
  ['minContains takes from contains', { contains: {} }, { contains: {}, minContains: 0 }, ['/minContains']],
  [
    'a property that may now match a pattern',
    { properties: { a: { type: 'string' } }, patternProperties: { '^a': true }, additionalProperties: false },
    { patternProperties: { '^a': true }, additionalProperties: false },
    ['/properties', '/properties/a'],
  ],
  [
    'what is unevaluated depends on all the rest',
    { properties: {}, unevaluatedProperties: false },
    { properties: { a: true }, unevaluatedProperties: false },
    ['/unevaluatedProperties'],
  ],
])('%s', (_, before, after, expected) => {
  expect(expected).toEqual(expect.arrayContaining(pointers(after, before)));
  expect(pointers(after, before)).not.toEqual([]);
});

test('a first schema narrows what was anything', () => {
  expect(widenings(null, order)).toEqual([]);
});

const value = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 2 },
    fc.constantFrom(null, true, 0, 1, 2, 1.5, '', 'a', 'ab'),
    fc.dictionary(fc.constantFrom('a', 'b'), tie('value'), { maxKeys: 2 }),
    fc.array(tie('value'), { maxLength: 2 }),
  ),
})).value;

const schema = fc.letrec<{ schema: boolean | Record<string, unknown> }>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 2 },
    fc.boolean(),
    fc.record(
      {
        type: fc.constantFrom('object', 'string', 'number', 'integer', 'array', ['null', 'object']),
        enum: fc.constantFrom([1], [1, 'a'], ['a', null]),
        const: fc.constantFrom(1, 'a'),
        minimum: fc.constantFrom(0, 1),
        maxLength: fc.constantFrom(0, 1),
        pattern: fc.constantFrom('^a', 'b$'),
        required: fc.constantFrom(['a'], ['b'], ['a', 'b']),
        properties: fc.dictionary(fc.constantFrom('a', 'b'), tie('schema'), { maxKeys: 2 }),
        patternProperties: fc.dictionary(fc.constantFrom('a', '^b'), tie('schema'), { maxKeys: 1 }),
        additionalProperties: tie('schema'),
        unevaluatedProperties: tie('schema'),
        prefixItems: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }),
        items: tie('schema'),
        contains: tie('schema'),
        minContains: fc.constantFrom(0, 1),
        not: tie('schema'),
        anyOf: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }),
      },
      { requiredKeys: [] },
    ),
  ),
})).schema;

test('when nothing is reported, whatever the new schema takes the old one takes too', () => {
  const compiler = new SchemaCompiler();
  const takes = (each: boolean | Record<string, unknown>, candidate: unknown) => {
    const compiled = compiler.compile({ allOf: [each] });
    return compiled.kind === 'compiled' && compiled.validate(candidate) === undefined;
  };
  // A change of one keyword is far more likely to be a narrowing than two schemas that have nothing in common.
  const change = fc.tuple(schema, schema).chain(([before, other]) => {
    if (typeof before === 'boolean' || typeof other === 'boolean') return fc.constant({ before, after: other });
    const names = [...new Set([...Object.keys(before), ...Object.keys(other)])];
    return fc.subarray(names).map((taken) => {
      const after: Record<string, unknown> = { ...before };
      for (const name of taken) {
        if (name in other) after[name] = other[name];
        else delete after[name];
      }
      return { before, after };
    });
  });
  fc.assert(
    fc.property(change, fc.array(value, { minLength: 4, maxLength: 8 }), ({ before, after }, candidates) => {
      if (widenings(before, after).length > 0) return;
      for (const candidate of candidates) {
        if (takes(after, candidate)) expect(takes(before, candidate)).toBe(true);
      }
    }),
    { numRuns: 300 },
  );
}, 30_000);
