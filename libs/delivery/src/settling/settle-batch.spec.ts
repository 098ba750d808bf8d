import { cursorState, follower, ownedStream } from '../../../../test/support/stream-parts.js';
import { StreamCursor } from '../reading/owned-stream.js';
import { SettleBatch } from './settle-batch.js';

const cursorOf = (epoch: number) => new StreamCursor(ownedStream(1, epoch), follower(7), cursorState());
const retryOf = (cursor: StreamCursor) => ({
  cursor,
  seq: 3,
  eventAt: 0,
  attempts: 1,
  kind: 0,
  operationId: null,
  isRepeat: false,
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
