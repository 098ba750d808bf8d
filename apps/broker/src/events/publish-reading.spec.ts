import { Problem } from '../http/problem.js';
import { maxBodyBytes, readPublish, type PublishRequest } from './publish-reading.js';

const limits = { maxEventBytes: 1000, maxBatchBytes: 4000, maxBatchEvents: 3, maxHops: 4 };
const now = new Date('2026-01-01T00:00:00Z');

function read(more: Partial<Omit<PublishRequest, 'body'>> & { body?: string } = {}) {
  const { body = '{}', query = new URLSearchParams(), ...rest } = more;
  const headers = { 'content-type': 'application/json', ...more.headers };
  return readPublish({ topic: 'orders.created', ...rest, query, headers, body: Buffer.from(body) }, limits, now);
}

function refusal(more: Parameters<typeof read>[0]): Problem {
  try {
    read(more);
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  throw new Error('It was accepted.');
}

const structured = (event: object) => ({
  headers: { 'content-type': 'application/cloudevents+json' },
  body: JSON.stringify({ specversion: '1.0', id: 'e1', source: '/s', type: 't', ...event }),
});
const batch = (...events: object[]) => ({
  headers: { 'content-type': 'application/cloudevents-batch+json' },
  body: JSON.stringify(events.map((event) => ({ specversion: '1.0', source: '/s', type: 't', ...event }))),
});

test('any content type is data, with attributes from headers and defaults from the topic', () => {
  const { form, events } = read({
    headers: {
      'content-type': 'text/csv',
      'ce-id': 'e1',
      'ce-subject': 'a%20b',
      'ce-partitionkey': 'k',
      'ce-tenant': 't1',
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    },
    body: 'a,b',
  });
  expect(form).toBe('single');
  expect(events).toEqual([
    {
      id: 'e1',
      type: 'orders.created',
      source: '/topics/orders.created',
      subject: 'a b',
      key: 'k',
      contentType: 'text/csv',
      data: Buffer.from('a,b'),
      attributes: {
        extensions: { tenant: 't1' },
        traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      },
    },
  ]);
});

test('Idempotency-Key is the id when ce-id is absent', () => {
  expect(read({ headers: { 'idempotency-key': 'key-1' } }).events[0]?.id).toBe('key-1');
  expect(read({ headers: { 'idempotency-key': 'key-1', 'ce-id': 'e1' } }).events[0]?.id).toBe('e1');
  expect(read().events[0]?.id).toMatch(/^[0-9a-f-]{36}$/);
});

test('the events of a batch get ids of their own from one Idempotency-Key', () => {
  const { headers, body } = batch({}, { id: 'own' }, {});
  const { form, events } = read({ headers: { ...headers, 'idempotency-key': 'k' }, body });
  expect(form).toBe('batch');
  expect(events.map(({ id }) => id)).toEqual(['k:0', 'own', 'k:2']);
});

test('a batch finds its ids again also under the longest Idempotency-Key', () => {
  const { headers, body } = batch({}, {}, {});
  const ids = (key: string) =>
    read({ headers: { ...headers, 'idempotency-key': key }, body }).events.map(({ id }) => id);
  const long = 'k'.repeat(128);
  expect(ids(long)).toEqual(ids(long));
  expect(new Set([...ids(long), ...ids('l'.repeat(128))]).size).toBe(6);
  expect(ids('k'.repeat(126))).toEqual([0, 1, 2].map((index) => `${'k'.repeat(126)}:${index}`));
});

test('no bytes are data too, except of JSON', () => {
  expect(read({ body: '', headers: { 'content-type': 'text/plain' } }).events[0]?.data).toEqual(Buffer.alloc(0));
});

test('data in JSON form keeps its text', () => {
  const text = '{"specversion":"1.0","id":"e1","source":"/s","type":"t","data":{"n": 12345678901234567890, "x":1.0}}';
  const { events } = read({ headers: { 'content-type': 'application/cloudevents+json' }, body: text });
  expect(events[0]?.data?.toString()).toBe('{"n": 12345678901234567890, "x":1.0}');
});

test('delay counts from now, and an own deliverat goes before it', () => {
  const query = new URLSearchParams('delay=90s');
  expect(read({ query }).events[0]?.deliverAt).toEqual(new Date('2026-01-01T00:01:30Z'));
  const own = read({ query, headers: { 'ce-deliverat': '2026-01-02T00:00:00Z' } });
  expect(own.events[0]?.deliverAt).toEqual(new Date('2026-01-02T00:00:00Z'));
});

test('expirytime is when the event stops being worth anything', () => {
  const { events } = read(structured({ expirytime: '2026-01-03T00:00:00Z', data: 1 }));
  expect(events[0]?.expiresAt).toEqual(new Date('2026-01-03T00:00:00Z'));
});

test.each([
  ['an empty body', { body: '' }, ''],
  ['an empty body with an id', { body: '', headers: { 'ce-id': 'e1' } }, ''],
  ['JSON that is none', { body: '{"a":' }, ''],
  ['an id with a space', { headers: { 'ce-id': 'a b' } }, '/ce-id'],
  ['an over-long id', { headers: { 'ce-id': 'x'.repeat(129) } }, '/ce-id'],
  ['an Idempotency-Key with a space', { headers: { 'idempotency-key': 'a b' } }, '/idempotency-key'],
  ['a time that is none', { headers: { 'ce-time': 'yesterday' } }, '/ce-time'],
  ['a delay that is none', { query: new URLSearchParams('delay=soon') }, '/delay'],
  ['two delays', { query: new URLSearchParams('delay=1s&delay=2s') }, '/delay'],
  ['an unknown parameter', { query: new URLSearchParams('colour=red') }, '/colour'],
  ['a structured event of another version', structured({ specversion: '0.3' }), '/specversion'],
  ['a structured event without a type', structured({ type: undefined }), '/type'],
  ['an empty batch', batch(), ''],
  ['a batch with one bad event', batch({ id: 'a' }, { id: 5 }), '/1/id'],
  ['a batch of too many', batch({}, {}, {}, {}), ''],
])('%s is refused', (_, request, pointer) => {
  const problem = refusal(request);
  expect(problem.code).toBe('validation-failed');
  expect(problem.errors[0]?.pointer).toBe(pointer);
});

test('an event without data but with attributes is an event', () => {
  const request = { topic: 't', query: new URLSearchParams(), headers: { 'ce-type': 'ping' }, body: Buffer.alloc(0) };
  expect(readPublish(request, limits, now).events[0]).toMatchObject({ type: 'ping', data: undefined });
});

test('a CloudEvents format other than JSON is refused', () => {
  expect(refusal({ headers: { 'content-type': 'application/cloudevents+avro' } }).code).toBe('unsupported-media-type');
});

test('an event that is too large inside a small enough batch is refused', () => {
  const problem = refusal(batch({ id: 'a' }, { id: 'b', data: 'x'.repeat(1001) }));
  expect(problem.code).toBe('payload-too-large');
  expect(problem.errors[0]?.pointer).toBe('/1/data');
});

test('a structured body may be larger than its event', () => {
  expect(maxBodyBytes('application/json', limits)).toBe(1000);
  expect(maxBodyBytes('application/cloudevents-batch+json', limits)).toBe(4000);
  expect(maxBodyBytes('application/cloudevents+json', limits)).toBeGreaterThan(1333);
});
