import { OwnedStream, StreamCursor } from './owned-stream.js';
import { SettleBatch } from './settle-batch.js';

const stream = { streamId: 1, topicId: 1, topic: 'orders.created', partition: 0 };
const sender = { subscriptionId: 7, ownPageSize: 16, ordering: 'none' as const, offer: () => {} };
const state = {
  settledSeq: 0,
  settledAt: 0,
  above: '{}',
  delivered: 0,
  dead: 0,
  dropped: 0,
  filtered: 0,
  drainSeq: 0,
  moves: 0,
  park: undefined,
};
const cursorOf = (epoch: number) => new StreamCursor(new OwnedStream(stream, epoch), sender, state);
const retryOf = (cursor: StreamCursor) => ({
  cursor,
  seq: 3,
  eventAt: 0,
  attempts: 1,
  kind: 0,
  operationId: null,
  at: 1_000,
  error: 'status: 500',
});

test('leaves out results of a cursor that has ended, though its successor has the same stream and subscription', () => {
  const [lost, regained] = [cursorOf(1), cursorOf(3)];
  const batch = new SettleBatch();
  for (const cursor of [lost, regained]) {
    batch.retries.push(retryOf(cursor));
    batch.finished.push({ cursor, seq: 2, kind: 0, hasFailed: false });
    batch.touch(cursor);
  }
  lost.isClosed = true;
  batch.close();
  expect(batch.cursorRows.map(({ cursor }) => cursor.stream.epoch)).toEqual([3]);
  expect(batch.retries).toEqual([retryOf(regained)]);
  expect(batch.finished).toEqual([{ cursor: regained, seq: 2, kind: 0, hasFailed: false }]);
  batch.release();
  expect([lost.openBatches, regained.openBatches]).toEqual([0, 0]);
});
