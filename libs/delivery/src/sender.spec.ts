import type { StoredEvent } from '@hookcast/log';
import fc from 'fast-check';
import { HookCall } from './delivery.js';
import { HookEvent } from './hook-event.js';
import { retryKind } from './lanes.js';
import { OwnedStream, StreamCursor } from './owned-stream.js';
import { offerProbe } from './probing.js';
import { RoundRobin } from './round-robin.js';
import { Sender, type WaitingRetry } from './sender.js';

const event = (seq: number): HookEvent => {
  const stored: StoredEvent = {
    id: `e${seq}`,
    type: 't',
    source: '/topics/t',
    attributes: {},
    data: Buffer.alloc(10),
    streamId: 1,
    seq,
    createdAt: new Date(seq * 10),
    topic: 't',
  };
  return new HookEvent(stored);
};

function senderWith(counts: { first: number; retry: number; replay: number }): Sender {
  const subscription = {
    id: 1,
    name: 's',
    topics: [],
    url: 'http://x',
    format: 'cloudevents' as const,
    batch: null,
    ordering: 'none' as const,
    concurrency: 32,
    timeoutMs: 1,
    retry: { schedule: [], jitter: 0 },
    nonRetryable: [],
    headers: {},
    signature: 'hmac' as const,
    secrets: [],
    signingKeys: [],
    filter: null,
    state: 'active' as const,
  };
  const template = {
    url: '',
    format: 'cloudevents' as const,
    isBatch: false,
    timeoutMs: 1,
    subscription: '',
    userAgent: '',
    keys: [],
  };
  const endpoint = { origin: '', inFlight: 0, waiting: new RoundRobin<Sender>() };
  const settings = {
    subscription,
    template: { ...template, headers: undefined, transport: undefined },
    endpoint,
    filter: undefined,
  };
  const sender = new Sender(settings, new RoundRobin<Sender>());
  const stream = new OwnedStream({ streamId: 1, topicId: 1, topic: 't', partition: 0 }, 1);
  const state = { settledSeq: 0, settledAt: 0, above: '{}', delivered: 0, dead: 0, dropped: 0, filtered: 0 };
  const cursor = new StreamCursor(stream, sender, { ...state, drainSeq: 0, park: undefined, moves: 0 });
  stream.head = counts.first;
  sender.cursors.add(cursor);
  stream.follow(cursor);
  stream.tail.buffer.append(Array.from({ length: counts.first }, (_, index) => event(index + 1)));
  if (counts.first > 0) cursor.eventsArrived();
  const waiting = (kind: number, seq: number): WaitingRetry => ({
    cursor,
    seq,
    kind,
    eventAt: 0,
    attempts: 1,
    at: 0,
    operationId: null,
    event: event(seq),
    queued: false,
    isTaken: false,
    isDropped: false,
  });
  for (let seq = 1; seq <= counts.retry; seq += 1) sender.loaded.add(waiting(retryKind.retry, 1_000 + seq));
  for (let seq = 1; seq <= counts.replay; seq += 1) sender.loaded.add(waiting(retryKind.replay, 2_000 + seq));
  return sender;
}

const laneOfSeq = (seq: number) => (seq > 2_000 ? 'replay' : seq > 1_000 ? 'retry' : 'first');

test('a probe that is to be made with a new event is, whichever lane had the last turn', () => {
  for (let taken = 0; taken < 6; taken += 1) {
    const sender = senderWith({ first: 10, retry: 10, replay: 10 });
    sender.take(new HookCall(sender));
    for (let index = 0; index < taken; index += 1) sender.take(new HookCall(sender));
    for (const cursor of sender.cursors) cursor.giveBack(event(1));
    sender.flow.park = { reason: 'failing', since: 0, until: 0, probes: 1, error: '' };
    offerProbe(sender, { reader: { consider: () => {} }, line: new RoundRobin<Sender>() });
    const seq = sender.take(new HookCall(sender))?.event.seq ?? 0;
    expect([laneOfSeq(seq), seq > 1]).toEqual(['first', true]);
  }
});

test('no lane waits for more than one delivery of each other lane, and nothing is left over', () => {
  const count = fc.nat({ max: 40 });
  fc.assert(
    fc.property(fc.record({ first: count, retry: count, replay: count }), (counts) => {
      const sender = senderWith(counts);
      const left = { ...counts };
      const waited = { first: 0, retry: 0, replay: 0 };
      for (
        let taken = sender.take(new HookCall(sender));
        taken !== undefined;
        taken = sender.take(new HookCall(sender))
      ) {
        const lane = laneOfSeq(taken.event.seq);
        left[lane] -= 1;
        for (const other of ['first', 'retry', 'replay'] as const) {
          waited[other] = other === lane || left[other] === 0 ? 0 : waited[other] + 1;
          expect(waited[other]).toBeLessThanOrEqual(2);
        }
      }
      expect(left).toEqual({ first: 0, retry: 0, replay: 0 });
    }),
  );
});
