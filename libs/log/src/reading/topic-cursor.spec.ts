import fc from 'fast-check';
import type { StoredEvent } from '../event.js';
import type { TopicRef } from '../stream.js';
import { formatTopicCursor, mergeByTime, parseTopicCursor } from './topic-cursor.js';

const topic: TopicRef = {
  topicId: 1,
  name: 'orders',
  retentionDays: 7,
  streams: [5, 3, 8].map((streamId, partition) => ({ streamId, topicId: 1, topic: 'orders', partition })),
};
const event = (streamId: number, seq: number, ms: number): StoredEvent => ({
  id: `${streamId}-${seq}`,
  type: 'orders',
  source: '/topics/orders',
  attributes: {},
  data: undefined,
  streamId,
  seq,
  createdAt: new Date(ms),
  topic: 'orders',
});
const ids = (events: readonly StoredEvent[]) => events.map(({ id }) => id);

test('is written in the order of partitions, every stream named', () => {
  expect(formatTopicCursor(topic, new Map([[8, 2]]))).toBe('5:0,3:0,8:2');
});

test('is read whole or in part', () => {
  expect(parseTopicCursor(topic, '8:2')).toEqual(new Map([[8, 2]]));
  expect(parseTopicCursor(topic, '5:0,3:0,8:2')).toEqual(
    new Map([
      [5, 0],
      [3, 0],
      [8, 2],
    ]),
  );
});

test.each(['', '4:1', '5:1,5:2', '5:1,', '5', 'x'])('%j is no cursor of the topic', (text) => {
  expect(parseTopicCursor(topic, text)).toBeUndefined();
});

test('merges by time, then by partition, and says where to go on', () => {
  const read = [[event(5, 1, 10), event(5, 2, 30)], [event(3, 7, 10)], [event(8, 1, 20), event(8, 2, 40)]];
  const { events, next } = mergeByTime(
    read,
    new Map([
      [5, 0],
      [3, 6],
      [8, 0],
    ]),
    4,
  );
  expect(ids(events)).toEqual(['5-1', '3-7', '8-1', '5-2']);
  expect(next).toEqual(
    new Map([
      [5, 2],
      [3, 7],
      [8, 1],
    ]),
  );
});

test('page by page, every event comes once and each stream in order, whatever the times', () => {
  const stream = (id: number) =>
    fc.array(fc.nat(20)).map((times) => times.map((ms, index) => event(id, index + 1, ms)));
  fc.assert(
    fc.property(stream(5), stream(3), stream(8), fc.integer({ min: 1, max: 7 }), (a, b, c, limit) => {
      const seen: StoredEvent[] = [];
      let cursor: ReadonlyMap<number, number> = new Map([
        [5, 0],
        [3, 0],
        [8, 0],
      ]);
      for (;;) {
        const rest = [a, b, c].map((events) =>
          events.filter(({ streamId, seq }) => seq > (cursor.get(streamId) ?? 0)).slice(0, limit),
        );
        const page = mergeByTime(rest, cursor, limit);
        if (page.events.length === 0) break;
        seen.push(...page.events);
        cursor = page.next;
      }
      for (const [id, events] of [
        [5, a],
        [3, b],
        [8, c],
      ] as const) {
        expect(ids(seen.filter(({ streamId }) => streamId === id))).toEqual(ids(events));
      }
    }),
  );
});
