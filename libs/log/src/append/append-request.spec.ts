import { toRequest, type AppendRequest } from './append-request.js';
import type { NewEvent } from '../event.js';
import type { TopicRef } from '../stream.js';

const topic: TopicRef = {
  topicId: 1,
  name: 'orders',
  retentionDays: 7,
  streams: [0, 1, 2, 3].map((partition) => ({ streamId: 10 + partition, topicId: 1, topic: 'orders', partition })),
};
const event = (id: string, rest: Partial<NewEvent> = {}): NewEvent => ({
  id,
  type: 'orders',
  source: '/topics/orders',
  attributes: {},
  data: Buffer.from('1'),
  ...rest,
});

function requestOf(events: NewEvent[]): AppendRequest {
  const check = toRequest(topic, events);
  if (check.kind !== 'ok') throw new Error('conflict');
  return check.request;
}

test('sorts events into the streams of their keys', () => {
  const { items } = requestOf([event('a', { key: 'k' }), event('b', { key: 'k' }), event('c')]);
  expect(items[0]?.streamId).toBe(items[1]?.streamId);
  expect(items.map(({ columns }) => columns.id)).toEqual(['a', 'b', 'c']);
});

test('an event given twice is one item', () => {
  const { items, places } = requestOf([event('a'), event('b'), event('a')]);
  expect(items).toHaveLength(2);
  expect(places).toEqual([0, 1, 0]);
});

test('one id with two contents, or with two keys, is a conflict', () => {
  const events = [event('a'), event('b'), event('a', { data: Buffer.from('2') }), event('b', { key: 'k' })];
  expect(toRequest(topic, events)).toEqual({ kind: 'conflict', ids: ['a', 'b'] });
});

test('counts data and something for each event', () => {
  const small = requestOf([event('a')]).bytes;
  expect(requestOf([event('a', { data: Buffer.alloc(1_001) })]).bytes - small).toBe(1_000);
  expect(requestOf([event('a', { data: undefined })]).bytes).toBeGreaterThan(100);
});
