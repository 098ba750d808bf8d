import fc, { type Arbitrary } from 'fast-check';

/** What is used of a JSON Schema in an OpenAPI document. */
export interface Schema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  oneOf?: Schema[];
  anyOf?: Schema[];
  allOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  example?: unknown;
}

export type Schemas = Readonly<Record<string, Schema>>;

/** What values are made from. */
export interface Vocabulary {
  schemas: Schemas;
  /** By the name of a property or parameter, besides what is plausible anywhere. */
  values: Readonly<Record<string, readonly unknown[]>>;
}

/** Texts that programs trip over: in Postgres, in dates, in numbers, in paths, in objects. */
const oddTexts = [
  '',
  ' ',
  '\u0000',
  'a\u0000b',
  '\ud800',
  'é'.repeat(300),
  '../../etc/passwd',
  "'; drop table topics; --",
  '%00',
  '%',
  '__proto__',
  'constructor',
  '${7*7}',
  '<script>alert(1)</script>',
  'a\r\nx-injected: 1',
  '9'.repeat(40),
  '1e400',
  'NaN',
  '9223372036854775808',
  '-9223372036854775809',
  '2147483648:1',
  '1:9223372036854775808',
  '-1:-1',
  '0000-00-00T00:00:00Z',
  '+275760-09-13T00:00:00Z',
  '9999-12-31T23:59:59.999999999Z',
  '0001-01-01T00:00:00Z',
  '2026-02-30T25:61:61Z',
  'x'.repeat(5000),
];

const oddNumbers = [0, -0, -1, 0.5, 2 ** 31, 2 ** 53, -(2 ** 63), 1e21, 1e308, 5e-324];

const url = [
  ...Array.from({ length: 8 }, () => 'http://127.0.0.1:1/'),
  'http://127.0.0.1:1/',
  'https://127.0.0.1:1/x?y=z#f',
  'http://[::1]:9/',
  'ftp://a',
  'http://',
  'http://10.0.0.1/',
];
const times = ['latest', 'earliest', '2026-01-01T00:00:00Z', '1:1', '0:0'];
const topics = ['orders.created', 'orders.*', 'orders.**', '**', 'fuzzed.one', '*', 'hookcast.delivery.dead'];

/** Plausible values by the name of a property or parameter: so that requests get past validation. */
const plausible: Record<string, readonly unknown[]> = {
  url,
  topicUrl: url,
  hub: url,
  topic: [...topics, 'github.{type}'],
  topics: topics.map((topic) => [topic]),
  name: ['billing', 'orders.created', 'fuzzed.one', 'hub'],
  service: ['billing-service', 'fuzzed'],
  subscription: ['billing', 'fuzzed'],
  filter: ['data.a > 1', "subject.startsWith('x')", 'data.a.b.c[9]', '((((', 'type.matches("(a+)+$")'],
  scopes: [['read'], ['admin'], ['publish:**'], ['subscribe:orders.*'], ['publish:']],
  from: times,
  to: times,
  after: times,
  startFrom: times,
  sender: ['github', 'stripe', 'slack', 'generic', 'websub'],
  secret: ['a-secret-of-mine-0123456789', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
  cursor: ['e30', 'W10', 'eyJhIjoxfQ', 'bnVsbA', 'WyJhIiwiMSIsIngiXQ'],
  wait: ['0s', '1ms', '-1s', '1', 's'],
  delay: ['1s', '30s', '9999999999d', '-1s'],
  limit: ['1', '200', '0', '-1', '201', '1e1'],
  status: ['pending', 'retrying', 'delivered', 'dead'],
  state: ['active', 'paused'],
  format: ['cloudevents', 'cloudevents-binary', 'standard-webhooks'],
  ordering: ['none', 'key', 'strict'],
  schema: [
    {},
    true,
    { type: 'object' },
    { $ref: '#' },
    { $ref: '#/a/b' },
    { pattern: '(' },
    { allOf: [{ $ref: '#' }] },
  ],
  timeoutMs: [1000, 15_000],
  rate: [1, 100],
  namespace: ['default', 'other'],
};

export const oddText: Arbitrary<string> = fc.oneof(
  fc.constantFrom(...oddTexts),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ maxLength: 40 }),
);

const oddNumber = fc.oneof(fc.constantFrom(...oddNumbers), fc.double(), fc.integer());

/** Keys that matter to JavaScript come as a parser makes them: own properties. */
const oddObject = fc
  .constantFrom('{"__proto__":{"admin":true}}', '{"constructor":{"prototype":{}}}', '{"toString":1,"hasOwnProperty":2}')
  .map((text) => JSON.parse(text) as unknown);

export const anyValue: Arbitrary<unknown> = fc.oneof(
  oddText,
  oddNumber,
  fc.constantFrom(null, true, false, [], {}),
  oddObject,
  fc.jsonValue({ maxDepth: 3 }),
);

/** Mostly what the schema asks for, and now and then something else. */
export function valueOf(schema: Schema | undefined, words: Vocabulary, name = '', depth = 0): Arbitrary<unknown> {
  if (schema === undefined || depth > 6) return anyValue;
  const options = [
    { weight: 1, arbitrary: anyValue },
    { weight: 9, arbitrary: asAsked(schema, words, depth) },
  ];
  for (const known of [words.values[name], plausible[name]])
    if (known && known.length > 0) options.push({ weight: 40, arbitrary: fc.constantFrom<unknown>(...known) });
  return fc.oneof(...options);
}

function asAsked(schema: Schema, words: Vocabulary, depth: number): Arbitrary<unknown> {
  if (schema.$ref !== undefined)
    return asAsked(words.schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {}, words, depth + 1);
  if (schema.enum && schema.enum.length > 0) return fc.constantFrom<unknown>(...schema.enum);
  const among = schema.oneOf ?? schema.anyOf ?? schema.allOf;
  if (among && among.length > 0) return fc.oneof(...among.map((one) => valueOf(one, words, '', depth + 1)));
  if (schema.properties) return objectOf(schema.properties, schema.required ?? [], words, depth);
  const types = Array.isArray(schema.type) ? schema.type : [schema.type ?? 'any'];
  return fc.oneof(...types.map((type) => ofType(type, schema, words, depth)));
}

/** What is required and a few of the others: with all of them something would always be wrong. */
function objectOf(
  properties: Record<string, Schema>,
  required: readonly string[],
  words: Vocabulary,
  depth: number,
): Arbitrary<unknown> {
  const values = Object.fromEntries(
    Object.entries(properties).map(([name, one]) => [name, valueOf(one, words, name, depth + 1)]),
  );
  const optional = Object.keys(properties).filter((name) => !required.includes(name));
  const whole = fc
    .uniqueArray(fc.constantFrom('', ...optional), { maxLength: 3 })
    .chain((chosen) =>
      fc.record(
        Object.fromEntries([...required, ...chosen].flatMap((name) => (values[name] ? [[name, values[name]]] : []))),
      ),
    );
  const withMore = fc.tuple(whole, oddText, anyValue).map(([value, key, more]) => ({ ...value, [key]: more }));
  return fc.oneof({ weight: 12, arbitrary: whole }, { weight: 1, arbitrary: withMore });
}

function ofType(type: string, schema: Schema, words: Vocabulary, depth: number): Arbitrary<unknown> {
  if (type === 'string') return oddText;
  if (type === 'boolean') return fc.boolean();
  if (type === 'integer' || type === 'number') return fc.oneof(fc.integer({ min: 0, max: 1000 }), oddNumber);
  if (type === 'array') return fc.array(valueOf(schema.items, words, '', depth + 1), { maxLength: 4 });
  return anyValue;
}
