import fc, { type Arbitrary } from 'fast-check';
import { anyValue, oddText, valueOf, type Schema, type Schemas, type Vocabulary } from './values.js';

/** What is used of an OpenAPI document. */
export interface Document {
  paths: Record<string, Record<string, Operation>>;
  components?: { schemas?: Schemas };
}

interface Operation {
  parameters?: { name: string; in: string; schema?: Schema }[];
  requestBody?: { content: Record<string, { schema?: Schema }> };
}

export interface FuzzRequest {
  /** Of the document, or a hidden one: `GET /v1/topics/{name}`. */
  operation: string;
  method: string;
  /** As it goes on the wire: percent-encoded. */
  path: string;
  headers: Record<string, string>;
  body: Buffer | undefined;
}

const bodyTypes = [
  'application/json; charset=utf-16',
  'application/cloudevents+json',
  'application/cloudevents-batch+json',
  'application/x-www-form-urlencoded',
  'text/plain',
  'multipart/form-data; boundary=x',
  'x',
  '',
];

const oddHeaders: Record<string, readonly string[]> = {
  'ce-id': ['', 'a b', 'x'.repeat(200), 'é', '0'],
  'ce-time': ['yesterday', '2026-01-01T00:00:00Z', '+99999-01-01T00:00:00Z'],
  'ce-specversion': ['1.0', '0.3', '9'],
  'ce-deliverat': ['2026-01-01T00:00:00Z', 'x', '9999-12-31T23:59:59Z'],
  'ce-expirytime': ['2020-01-01T00:00:00Z', 'x'],
  'ce-partitionkey': ['', 'k', 'k'.repeat(4000)],
  'ce-x__proto__': ['1'],
  'idempotency-key': ['a', '', 'é'],
  'hookcast-hops': ['-1', '1e9', '99999999999999999999', 'x'],
  traceparent: ['00-0-0-0', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'],
  'last-event-id': ['1:1', 'x', '99999999999999999999:1'],
  'content-encoding': ['gzip', 'br', 'identity'],
  expect: ['100-continue'],
  accept: ['text/event-stream', 'text/html', '*/*;q=NaN'],
  cookie: ['__proto__=1', 'hookcast_session=', '%'],
  origin: ['null', 'https://evil.example'],
  'x-request-id': ['a', 'x'.repeat(500), '{"a":1}'],
  'x-forwarded-for': ['127.0.0.1', ','],
  'x-http-method-override': ['DELETE'],
};

/** Seldom: with something odd in every part, each request would be refused for the first of them. */
function seldom<T>(usual: Arbitrary<T>, odd: Arbitrary<T>): Arbitrary<T> {
  return fc.oneof({ weight: 7, arbitrary: usual }, { weight: 1, arbitrary: odd });
}

const contentType = seldom(fc.constant('application/json'), fc.constantFrom(...bodyTypes));

const header = fc
  .constantFrom(...Object.entries(oddHeaders))
  .chain(([name, values]) => fc.constantFrom(...values).map((value) => [name, value] as const));

const deepJson = fc
  .tuple(fc.constantFrom('[', '{"a":', '[{"a":'), fc.integer({ min: 10, max: 20_000 }))
  .map(([open, depth]) => open.repeat(depth));

const wideJson = fc.integer({ min: 1, max: 60_000 }).map((count) => `[${'1,'.repeat(count)}1]`);

/** JSON, cut or with a byte of another kind in it. */
const brokenJson = fc
  .tuple(anyValue, fc.nat(), fc.constantFrom('', '\u0000', '\\', '"', '}', '\ufeff'))
  .map(([value, at, inserted]) => {
    const text = JSON.stringify(value);
    return text.slice(0, at % (text.length + 1)) + inserted;
  });

function bodyOf(schema: Schema | undefined, words: Vocabulary): Arbitrary<Buffer | undefined> {
  const json = valueOf(schema, words).map((value) => JSON.stringify(value));
  const text = fc.oneof(
    { weight: 40, arbitrary: json },
    { weight: 2, arbitrary: brokenJson },
    { weight: 1, arbitrary: deepJson },
    { weight: 1, arbitrary: wideJson },
  );
  return fc.oneof(
    { weight: 40, arbitrary: text.map((one) => Buffer.from(one)) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)) },
    { weight: 1, arbitrary: fc.constant(undefined) },
  );
}

/** A body is an oddity itself where none is asked for. */
function bodyFor({ requestBody }: Operation, words: Vocabulary): Arbitrary<Buffer | undefined> {
  if (requestBody === undefined) return seldom(fc.constant(undefined), bodyOf(undefined, words));
  return bodyOf(Object.values(requestBody.content)[0]?.schema, words);
}

/** Encoded as a client does; an odd text that has no encoding of its own stays as something the server has to refuse. */
function encoded(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  // By way of bytes a lone surrogate, which has no encoding, becomes U+FFFD.
  return encodeURIComponent(Buffer.from(text).toString('utf8'));
}

const brokenSegment = fc.constantFrom('%', '%zz', '%ff', '%00', '..', '.', '%2e%2e%2f', ';a=b', 'x'.repeat(4000));

function pathOf(template: string, objects: Material['objects']): Arbitrary<string> {
  const all = fc.constantFrom(...Object.values(objects).flat());
  const segments = template.split('/');
  const parts = segments.map((segment, index) => {
    if (!segment.includes('{')) return fc.constant(segment);
    const fitting = objects[segments[index - 1] ?? ''];
    return fc.oneof(
      { weight: 24, arbitrary: fitting ? fc.constantFrom(...fitting) : all },
      { weight: 3, arbitrary: all },
      { weight: 3, arbitrary: oddText.map(encoded) },
      { weight: 1, arbitrary: brokenSegment },
    );
  });
  return fc.tuple(...parts).map((chosen) => chosen.join('/'));
}

function queryOf({ parameters = [] }: Operation, words: Vocabulary): Arbitrary<string> {
  const pairs = parameters
    .filter((parameter) => parameter.in === 'query')
    .map(({ name, schema }) => valueOf(schema, words, name).map((value) => `${name}=${encoded(value)}`));
  const other = oddText.map((text) => `${encoded(text)}=1`);
  const odd = fc.subarray([other, fc.constantFrom('a[b]=c', '&&&', '__proto__[x]=1', 'limit=1&limit=2')]);
  return fc
    .tuple(fc.subarray(pairs), seldom(fc.constant<Arbitrary<string>[]>([]), odd))
    .chain(([usual, more]) => fc.tuple(...usual, ...more))
    .map((all) => (all.length === 0 ? '' : `?${all.join('&')}`));
}

export interface Material {
  document: Document;
  /** Values of Authorization; the first is let in everywhere and used most. */
  authorizations: readonly (string | undefined)[];
  /** What stands for a parameter of a path, by the segment before it. */
  objects: Readonly<Record<string, readonly string[]>>;
  /** Plausible values by the name of a property or parameter. */
  values: Vocabulary['values'];
  /** Further paths, with what they take, that the document leaves out. */
  hidden: readonly (readonly [method: string, path: string])[];
}

/** Requests of every operation of the document, each as likely as the others but for those that delete. */
export function requestsOf({ document, authorizations, objects, values, hidden }: Material): Arbitrary<FuzzRequest> {
  const words = { schemas: document.components?.schemas ?? {}, values };
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
  const takesAnything: Operation = { requestBody: { content: {} } };
  const more = hidden.map(([method, path]) => ({ method, path, operation: takesAnything }));
  const authorization = fc.oneof(
    { weight: 6, arbitrary: fc.constant(authorizations[0]) },
    { weight: 1, arbitrary: fc.constantFrom(...authorizations) },
  );
  // What is deleted is there for no later request.
  const chosen = [...operations, ...more].flatMap((one) => (one.method === 'DELETE' ? [one] : [one, one, one, one]));
  return fc.constantFrom(...chosen).chain(({ method, path, operation }) => {
    return fc.record({
      operation: fc.constant(`${method} ${path}`),
      method: fc.oneof(
        { weight: 30, arbitrary: fc.constant(method) },
        { weight: 1, arbitrary: fc.constantFrom('PATCH', 'HEAD', 'OPTIONS', 'TRACE', 'PROPFIND', 'QUERY') },
      ),
      path: fc.tuple(pathOf(path, objects), queryOf(operation, words)).map((parts) => parts.join('')),
      headers: fc
        .tuple(
          authorization,
          contentType,
          seldom(fc.constant<(readonly [string, string])[]>([]), fc.array(header, { maxLength: 2 })),
        )
        .map(([key, type, others]) => headersOf(key, type, others)),
      body: method === 'GET' ? fc.constant(undefined) : bodyFor(operation, words),
    });
  });
}

function headersOf(key: string | undefined, type: string, others: readonly (readonly [string, string])[]) {
  return {
    ...(type !== '' && { 'content-type': type }),
    ...Object.fromEntries(others),
    ...(key !== undefined && { authorization: key }),
  };
}
