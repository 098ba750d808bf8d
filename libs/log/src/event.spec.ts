import fc from 'fast-check';
import { fromColumns, isRepetition, toColumns, type NewEvent } from './event.js';
import type { StreamRef } from './stream.js';

const stream: StreamRef = { streamId: 7, topicId: 1, topic: 'orders.created', partition: 2 };
const at = new Date('2026-11-24T10:00:00Z');
const plain: NewEvent = {
  id: 'e-1',
  type: 'orders.created',
  source: '/topics/orders.created',
  attributes: {},
  data: Buffer.from('{}'),
};

const anyEvent: fc.Arbitrary<NewEvent> = fc.record(
  {
    id: fc.string({ minLength: 1 }),
    type: fc.oneof(fc.constant('orders.created'), fc.string()),
    source: fc.oneof(fc.constant('/topics/orders.created'), fc.string()),
    subject: fc.string(),
    key: fc.string(),
    contentType: fc.string(),
    attributes: fc.record(
      {
        time: fc.string(),
        dataschema: fc.string(),
        traceparent: fc.string(),
        extensions: fc.dictionary(fc.string(), fc.string()),
      },
      { requiredKeys: [] },
    ),
    data: fc.option(
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      { nil: undefined },
    ),
    deliverAt: fc.date({ noInvalidDate: true }),
    expiresAt: fc.date({ noInvalidDate: true }),
  },
  { requiredKeys: ['id', 'type', 'source', 'attributes', 'data'] },
);

test('an event is read as it was published', () => {
  fc.assert(
    fc.property(anyEvent, (event) => {
      const stored = fromColumns(toColumns(event, stream.topic), { stream, seq: 3, at });
      // JSON has no -0 and drops __proto__; compare what JSON can hold
      const attributes: unknown = JSON.parse(JSON.stringify(event.attributes));
      expect(stored).toEqual({ ...event, attributes, streamId: 7, seq: 3, createdAt: at, topic: 'orders.created' });
    }),
  );
});

test('what follows from the topic takes no room', () => {
  expect(toColumns(plain, 'orders.created')).toMatchObject({ type: null, source: null, attributes: null, key: null });
});

test('an event without data is not one with empty data', () => {
  const none = toColumns({ ...plain, data: undefined }, stream.topic);
  const empty = toColumns({ ...plain, data: Buffer.alloc(0) }, stream.topic);
  expect(none.data).toBeNull();
  expect(isRepetition(none, empty)).toBe(false);
  expect(isRepetition(none, none)).toBe(true);
});

test.each<[string, Partial<NewEvent>, boolean]>([
  ['its trace and time', { attributes: { traceparent: '00-1-2-01', time: '2026-01-01T00:00:00Z' } }, true],
  ['when it is due', { deliverAt: at, expiresAt: at }, true],
  ['a byte of its data', { data: Buffer.from('[]') }, false],
  ['its source', { source: '/billing' }, false],
  ['its type', { type: 'orders.changed' }, false],
  ['its content type', { contentType: 'text/plain' }, false],
  ['its subject', { subject: 's' }, false],
  ['its key', { key: 'k' }, false],
])('whether an event that differs in %s is a repetition', (_what, difference, repeats) => {
  expect(isRepetition(toColumns(plain, stream.topic), toColumns({ ...plain, ...difference }, stream.topic))).toBe(
    repeats,
  );
});
