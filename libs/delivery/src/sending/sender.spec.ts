import fc from 'fast-check';
import { cursorState, hookEvent as event, ownedStream, senderSettings } from '../../../../test/support/stream-parts.js';
import { HookCall } from '../delivery.js';
import { retryKind } from './lanes.js';
import { StreamCursor } from '../reading/owned-stream.js';
import { offerProbe } from '../flow/probing.js';
import { RoundRobin } from './round-robin.js';
import { Sender, type WaitingRetry } from './sender.js';

function senderWith(counts: { first: number; retry: number; replay: number }): Sender {
  const sender = new Sender(senderSettings(1), new RoundRobin<Sender>());
  const stream = ownedStream();
  const cursor = new StreamCursor(stream, sender, cursorState());
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
    isRepeat: false,
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

/** Deliveries of others that one of the lane waits for, at most. */
const mostWaited = { first: 2, retry: 2, replay: 18 };

test('of ten deliveries that a hook takes, nine are live while live ones wait', () => {
  const sender = senderWith({ first: 90, retry: 0, replay: 90 });
  const lanes = Array.from({ length: 100 }, () => laneOfSeq(sender.take(new HookCall(sender))?.event.seq ?? 0));
  expect(lanes.filter((lane) => lane === 'first')).toHaveLength(90);
  expect(lanes.slice(0, 20).indexOf('replay')).toBe(9);
});

test('first tries and retries take turns, what is asked for again has every nineteenth, and nothing is left over', () => {
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
          expect(waited[other]).toBeLessThanOrEqual(mostWaited[other]);
        }
      }
      expect(left).toEqual({ first: 0, retry: 0, replay: 0 });
    }),
  );
});
