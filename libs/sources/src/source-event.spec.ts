import { isEventId, isTopicName } from '@hookcast/protocol';
import fc from 'fast-check';
import { type ReceivedItem } from './reception.js';
import { toSourceEvent, topicFor } from './source-event.js';

const item: ReceivedItem = {
  deliveryId: 'd-1',
  dedupeKey: 'd-1',
  dedupe: 'id',
  eventType: 'issues.opened',
  contentType: 'application/json',
  data: Buffer.from('{}'),
};

test('an item becomes an event of its source', () => {
  const time = new Date('2026-11-18T11:06:40Z');
  expect(toSourceEvent({ ...item, time, subject: 'own/repo' }, { name: 'code', sender: 'github' })).toEqual({
    id: 'code:d-1',
    source: '/sources/github/code',
    type: 'github.issues.opened',
    subject: 'own/repo',
    time: '2026-11-18T11:06:40.000Z',
    datacontenttype: 'application/json',
    data: item.data,
  });
});

test('what a sender writes into its event cannot break the log', () => {
  const hostile = { ...item, eventType: 'a\u0000b', subject: '\ud800\n✓\u{1f600}', contentType: 'text/plain\r\nx: y' };
  expect(toSourceEvent(hostile, { name: 'code', sender: 'github' })).toMatchObject({
    type: 'github.a\uFFFDb',
    subject: '\uFFFD\uFFFD✓\u{1f600}',
    datacontenttype: 'text/plain\uFFFD\uFFFDx: y',
  });
});

test('every dedupe key gives an event id of its own', () => {
  const names = fc.string({ minLength: 1, maxLength: 128 }).map((text) => text.replaceAll(/[^a-z]/g, 'a'));
  fc.assert(
    fc.property(names, fc.string(), fc.string(), (name, left, right) => {
      const [a, b] = [left, right].map((dedupeKey) => toSourceEvent({ ...item, dedupeKey }, { name, sender: 'x' }).id);
      expect(isEventId(a ?? '')).toBe(true);
      expect(a === b).toBe(left === right);
    }),
  );
});

test.each([
  ['github.{type}', 'issues.opened', 'github.issues.opened'],
  ['{sender}.{type}', 'Push Hook', 'github.push-hook'],
  ['shop.{type}', 'orders/create', 'shop.orders.create'],
  ['{type}', 'repo:push', 'repo.push'],
  ['slack.{type}', '/deploy', 'slack.deploy'],
  ['pay', 'PAYMENT.CAPTURE.COMPLETED', 'pay'],
  ['{type}', 'PAYMENT.CAPTURE.COMPLETED', 'payment.capture.completed'],
  ['{type}', '✓', undefined],
  ['Bad {type}', 'a', undefined],
])('template %s and type %s give topic %s', (template, type, topic) => {
  expect(topicFor(template, 'github', type)).toBe(topic);
});

test('a topic is a topic name, or there is none', () => {
  fc.assert(
    fc.property(fc.string(), (type) => {
      const topic = topicFor('t.{type}', 'x', type);
      expect(topic === undefined || isTopicName(topic)).toBe(true);
    }),
  );
});
