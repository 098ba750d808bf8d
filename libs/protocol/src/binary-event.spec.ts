import { CloudEvent as OracleEvent, HTTP, type CloudEventV1 } from 'cloudevents';
import fc from 'fast-check';
import { cloudEvent } from '../test/arbitraries.js';
import { formatBinary, parseBinary } from './binary-event.js';
import type { EventDefaults } from './cloud-event.js';

const required = { 'ce-id': '1', 'ce-source': '/s', 'ce-type': 't' };

function eventIn(
  headers: Record<string, string | string[] | undefined>,
  body: Buffer | string = '',
  defaults?: EventDefaults,
) {
  const result = parseBinary(headers, Buffer.from(body), defaults);
  if (result.kind === 'malformed') throw new Error(JSON.stringify(result.errors));
  return result.value;
}

function pointersIn(headers: Record<string, string | string[] | undefined>, body: Buffer | string = '') {
  const result = parseBinary(headers, Buffer.from(body));
  return result.kind === 'malformed' ? result.errors.map(({ pointer }) => pointer) : [];
}

describe('a binary event', () => {
  test('comes back as it was written, data byte for byte', () => {
    fc.assert(
      fc.property(cloudEvent, (event) => {
        const { headers, body } = formatBinary(event);
        expect(Object.values(headers).join('')).toMatch(/^[\x20-\x7e]*$/);
        expect(parseBinary(headers, body)).toStrictEqual({ kind: 'ok', value: event });
      }),
      { numRuns: 500 },
    );
  });

  test('carries its data without a copy', () => {
    const data = Buffer.from('{"a":1.0}\n');
    const event = { id: '1', source: '/s', type: 't', extensions: {}, datacontenttype: 'application/json', data };
    const { headers, body } = formatBinary(event);
    expect(body).toBe(data);
    expect(headers).toEqual({
      'ce-specversion': '1.0',
      'ce-id': '1',
      'ce-source': '/s',
      'ce-type': 't',
      'content-type': 'application/json',
    });
  });

  test('may leave its attributes to the defaults', () => {
    const event = eventIn({ 'content-type': 'text/plain' }, 'hello', { id: () => 'made', source: '/d', type: 'd' });
    expect(event).toStrictEqual({
      id: 'made',
      source: '/d',
      type: 'd',
      datacontenttype: 'text/plain',
      extensions: {},
      data: Buffer.from('hello'),
    });
    expect(pointersIn({})).toEqual(['/ce-id', '/ce-source', '/ce-type']);
  });

  test('takes every other ce- header for an extension and every other header for none', () => {
    const headers = { ...required, 'ce-partitionkey': 'k', 'ce-ext1': '', traceparent: '00-x', host: 'a' };
    expect(eventIn(headers).extensions).toStrictEqual({ partitionkey: 'k', ext1: '' });
  });

  test('has no data when its body is empty, unless a media type that may be empty says so', () => {
    expect(eventIn(required)).not.toHaveProperty('data');
    expect(eventIn({ ...required, 'content-type': 'application/json' })).not.toHaveProperty('data');
    expect(eventIn({ ...required, 'content-type': 'text/plain' }).data).toEqual(Buffer.alloc(0));
    expect(eventIn(required, Buffer.from([0xff])).data).toEqual(Buffer.from([0xff]));
  });

  test.each([
    [{ 'ce-specversion': '0.3' }, '', '/ce-specversion'],
    [{ 'ce-id': 'a%20b' }, '', '/ce-id'],
    [{ 'ce-id': '' }, '', '/ce-id'],
    [{ 'ce-id': ['a', 'b'] }, '', '/ce-id'],
    [{ 'ce-source': 'a b' }, '', '/ce-source'],
    [{ 'ce-subject': '%' }, '', '/ce-subject'],
    [{ 'ce-subject': '%2' }, '', '/ce-subject'],
    [{ 'ce-subject': '%FF' }, '', '/ce-subject'],
    [{ 'ce-subject': '%ED%A0%80' }, '', '/ce-subject'],
    [{ 'ce-subject': '%00' }, '', '/ce-subject'],
    [{ 'ce-subject': '\xe9' }, '', '/ce-subject'],
    [{ 'ce-time': '2026-13-01T00:00:00Z' }, '', '/ce-time'],
    [{ 'ce-expirytime': 'soon' }, '', '/ce-expirytime'],
    [{ 'ce-datacontenttype': 'text/plain' }, '', '/ce-datacontenttype'],
    [{ 'ce-data': 'x' }, '', '/ce-data'],
    [{ 'ce-data_base64': 'AA==' }, '', '/ce-data_base64'],
    [{ 'ce-my-ext': 'x' }, '', '/ce-my-ext'],
    [{ 'ce-': 'x' }, '', '/ce-'],
    [{ 'content-type': 'json' }, '', '/content-type'],
    [{ 'content-type': ['text/plain', 'text/html'] }, '', '/content-type'],
    [{ 'content-type': 'application/json' }, '{"a":', ''],
    [{ 'content-type': 'application/vnd.api+json; charset=utf-8' }, '\ufeff{}', ''],
    [{ 'content-type': 'Application/JSON' }, '['.repeat(200_000), ''],
    [{ 'ce-ext': 'x'.repeat(9000) }, '', ''],
  ])('with %j is refused', (headers, body, pointer) => {
    const pointers = pointersIn({ ...required, ...headers }, body);
    expect(pointers).toEqual([pointer]);
  });

  test('accepts any bytes that do not claim to be JSON', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), (bytes) => {
        const headers = { ...required, 'content-type': 'application/x-thing' };
        expect(eventIn(headers, Buffer.from(bytes)).data).toEqual(Buffer.from(bytes));
      }),
    );
  });
});

describe('the cloudevents package', () => {
  // It knows no percent-encoding, neither writing nor reading, so texts that need it are not comparable.
  const plainText = fc.stringMatching(/^[A-Za-z0-9_.:-]{1,12}$/);
  const attributes = fc.record(
    {
      id: fc.stringMatching(/^[A-Za-z0-9._-]{1,20}$/),
      source: fc.constantFrom('/services/orders', 'https://example.org/a'),
      type: plainText,
      subject: plainText,
      time: fc.constant('2026-10-03T10:20:30.000Z'),
      ext: plainText,
    },
    { requiredKeys: ['id', 'source', 'type', 'time'] },
  );

  function writtenByOracle(event: Partial<CloudEventV1<unknown>>) {
    const { headers, body } = HTTP.binary(new OracleEvent(event));
    const values = Object.entries(headers).map(([name, value]) => [
      name,
      value === undefined ? undefined : String(value),
    ]);
    return eventIn(
      Object.fromEntries(values),
      body instanceof Uint8Array || typeof body === 'string' ? Buffer.from(body) : '',
    );
  }

  test('writes what we read', () => {
    fc.assert(
      fc.property(attributes, fc.oneof(fc.array(fc.integer()), fc.object()), (given, data) => {
        const { ext, ...context } = given;
        const event = writtenByOracle({ ...given, data, datacontenttype: 'application/json' });
        expect(event).toMatchObject({ ...context, extensions: ext === undefined ? {} : { ext } });
        expect(String(event.data)).toBe(JSON.stringify(data));
      }),
    );
  });

  test('writes bytes, and events without data, that we read', () => {
    fc.assert(
      fc.property(attributes, fc.uint8Array({ minLength: 1 }), (given, data) => {
        const event = writtenByOracle({ ...given, data, datacontenttype: 'application/octet-stream' });
        expect(event.data).toEqual(Buffer.from(data));
        expect(writtenByOracle(given)).not.toHaveProperty('data');
      }),
    );
  });

  test('reads what we write', () => {
    fc.assert(
      fc.property(attributes, fc.dictionary(plainText, fc.integer()), ({ ext, ...context }, data) => {
        const extensions: Record<string, string> = ext === undefined ? {} : { ext };
        const text = Buffer.from(JSON.stringify(data));
        const ours = formatBinary({ ...context, extensions, datacontenttype: 'application/json', data: text });
        const read = HTTP.toEvent<unknown>({ headers: ours.headers, body: ours.body.toString() });
        expect(read).toMatchObject({ ...context, ...extensions });
        expect(JSON.stringify(Array.isArray(read) ? undefined : read.data)).toBe(text.toString());
      }),
    );
  });
});
