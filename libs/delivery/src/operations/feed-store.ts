import { rows, type SqlSource } from '@hookcast/database';
import { atOnce } from '../retries/retry-store.js';
import { retryKind } from '../sending/lanes.js';
import { attemptOutcome } from '../settling/settle-batch.js';
import { lockCursors } from './cursor-lock-store.js';
import type { DeadLetterKey } from './operation.js';

const streamIds = (keys: readonly DeadLetterKey[]) => keys.map(([streamId]) => streamId);
const seqs = (keys: readonly DeadLetterKey[]) => keys.map(([, seq]) => seq);

/**
 * Has dead letters delivered again, with the whole schedule before them. Each stays until its event was delivered, so
 * that the event survives its day. One that is on its way already is left alone, and so is one of a stream that the
 * subscription no longer reads: nobody would ever send it. Index: primary keys.
 *
 * Race closed: one whose redelivery succeeds at the same time is gone once the cursors are locked.
 *
 * @returns how many
 */
export async function feedDeadLetters(
  transaction: SqlSource,
  operation: { id: string; subscriptionId: number },
  keys: readonly DeadLetterKey[],
): Promise<number> {
  await lockCursors(transaction, operation.subscriptionId, streamIds(keys));
  const fed = await rows<{ seq: string }>(
    transaction,
    /* sql */ `
    insert into retries (stream_id, subscription_id, seq, event_at, attempt_no, kind, next_at, last_error, operation_id,
                         is_repeat)
    select d.stream_id, d.subscription_id, d.seq, d.event_at, 0, $4, $5, d.error, $6, true
      from unnest($2::int[], $3::int8[]) as k(stream_id, seq) join dead_letters d using (stream_id, seq)
      join cursors c using (stream_id, subscription_id)
     where d.subscription_id = $1
    on conflict (stream_id, subscription_id, seq) do nothing
    returning seq`,
    [operation.subscriptionId, streamIds(keys), seqs(keys), retryKind.redelivery, atOnce, operation.id],
  );
  return fed.length;
}

/**
 * Lets dead letters go; the history of each delivery keeps that it happened. One that is on its way again is left
 * alone, also when it is asked for at the same time: that locks its cursor too. Index: primary keys.
 *
 * @returns how many
 */
export async function discardDeadLetters(
  transaction: SqlSource,
  subscriptionId: number,
  keys: readonly DeadLetterKey[],
): Promise<number> {
  await lockCursors(transaction, subscriptionId, streamIds(keys));
  const gone = await rows<{ seq: string }>(
    transaction,
    /* sql */ `
    with gone as (
      delete from dead_letters d using unnest($2::int[], $3::int8[]) as k(stream_id, seq)
       where d.stream_id = k.stream_id and d.subscription_id = $1 and d.seq = k.seq
         and not exists (select 1 from retries r where r.stream_id = d.stream_id
                            and r.subscription_id = d.subscription_id and r.seq = d.seq)
      returning d.stream_id, d.seq, d.attempts)
    insert into attempts (stream_id, subscription_id, seq, attempt_no, outcome, duration_ms, created_at)
    select stream_id, $1, seq, attempts, $4, 0, now() from gone returning seq`,
    [subscriptionId, streamIds(keys), seqs(keys), attemptOutcome.discarded],
  );
  return gone.length;
}

/**
 * Has events delivered again. What is not settled yet, or waits for its next attempt, is on its way already and left
 * alone, also when a settle or a seek makes it so at the same time. Index: primary keys.
 *
 * @returns how many
 */
export async function feedReplays(
  transaction: SqlSource,
  operation: { id: string; subscriptionId: number },
  events: readonly { streamId: number; seq: number; createdAt: Date }[],
): Promise<number> {
  const streams = events.map(({ streamId }) => streamId);
  await lockCursors(transaction, operation.subscriptionId, streams);
  const fed = await rows<{ seq: string }>(
    transaction,
    /* sql */ `
    insert into retries (stream_id, subscription_id, seq, event_at, attempt_no, kind, next_at, operation_id, is_repeat)
    select k.stream_id, $1, k.seq, k.event_at, 0, $5, $6, $7, true
      from unnest($2::int[], $3::int8[], $4::timestamptz[]) as k(stream_id, seq, event_at)
      join cursors c on c.stream_id = k.stream_id and c.subscription_id = $1
     where k.seq <= c.settled_seq or c.above @> k.seq
    on conflict (stream_id, subscription_id, seq) do nothing
    returning seq`,
    [
      operation.subscriptionId,
      streams,
      events.map(({ seq }) => seq),
      events.map(({ createdAt }) => createdAt.toISOString()),
      retryKind.replay,
      atOnce,
      operation.id,
    ],
  );
  return fed.length;
}
