import { byteaArray, numberArray, textArray } from '../array-literal.js';
import type { AttemptRow, CursorRow, DeadLetterRow, FinishedRetry, RetryRow, SettleBatch } from './settle-batch.js';

export const streamIds = (rows: readonly { cursor: CursorRow['cursor'] }[]) =>
  numberArray(rows.map(({ cursor }) => cursor.stream.streamId));
export const subscriptionIds = (rows: readonly { cursor: CursorRow['cursor'] }[]) =>
  numberArray(rows.map(({ cursor }) => cursor.sender.subscriptionId));
export const epochs = (rows: readonly CursorRow[]) => numberArray(rows.map(({ cursor }) => cursor.stream.epoch));
export const moves = (rows: readonly CursorRow[]) => numberArray(rows.map(({ cursor }) => cursor.moves));
export const settleNumbers = (rows: readonly CursorRow[]) => numberArray(rows.map(({ settleNo }) => settleNo));
const seqs = (rows: readonly { seq: number }[]) => numberArray(rows.map(({ seq }) => seq));
const booleans = (values: readonly boolean[]) => `{${values.join(',')}}`;
/** Postgres takes seconds; a double holds the milliseconds of any date exactly enough. */
const seconds = (ms: number) => ms / 1000;

/** $1 to $19 of the settle statements. */
export function cursorColumns(rows: readonly CursorRow[]): unknown[] {
  const counted = (what: keyof CursorRow['counts']) => numberArray(rows.map(({ counts }) => counts[what]));
  return [
    streamIds(rows),
    subscriptionIds(rows),
    epochs(rows),
    numberArray(rows.map(({ settledSeq }) => settledSeq)),
    numberArray(rows.map(({ settledAt }) => seconds(settledAt))),
    textArray(rows.map(({ above }) => above)),
    ...(['delivered', 'dead', 'dropped', 'expired'] as const).map(counted),
    numberArray(rows.map(({ park }) => (park ? seconds(park.until) : null))),
    textArray(rows.map(({ park }) => park?.reason ?? null)),
    numberArray(rows.map(({ park }) => (park ? seconds(park.since) : null))),
    numberArray(rows.map(({ park }) => park?.probes ?? 0)),
    textArray(rows.map(({ park }) => park?.error ?? null)),
    counted('filtered'),
    moves(rows),
    settleNumbers(rows),
    counted('repeated'),
  ];
}

/** $20 to $29. */
export function attemptColumns(rows: readonly AttemptRow[]): unknown[] {
  return [
    streamIds(rows),
    subscriptionIds(rows),
    seqs(rows),
    numberArray(rows.map(({ attempt }) => attempt)),
    numberArray(rows.map(({ outcome }) => outcome)),
    numberArray(rows.map(({ status }) => status)),
    numberArray(rows.map(({ durationMs }) => durationMs)),
    numberArray(rows.map(({ at }) => seconds(at))),
    textArray(rows.map(({ error }) => error)),
    byteaArray(rows.map(({ response }) => response)),
  ];
}

/** $30 to $67. */
export function failureColumns({ retries, finished, dead }: SettleBatch): unknown[] {
  const redelivered = finished.filter(isRedelivered(dead));
  return [
    ...retryColumns(retries),
    ...[finished, redelivered].flatMap((rows) => [streamIds(rows), subscriptionIds(rows), seqs(rows)]),
    ...deadLetterColumns(dead),
    textArray(retries.map(({ operationId }) => operationId)),
    booleans(finished.map(({ hasFailed }) => hasFailed)),
    textArray(dead.map(({ fingerprint }) => fingerprint)),
    booleans(retries.map(({ isRepeat }) => isRepeat)),
  ];
}

/**
 * What came through ends its dead letter: that of a redelivery or replay, and the one that the log has made of a retry
 * whose day went while it was in flight. One that died again keeps it, with the new reason.
 */
function isRedelivered(dead: readonly DeadLetterRow[]): (row: FinishedRetry) => boolean {
  const buried = new Set(dead.map(({ cursor, event }) => `${cursor.key}/${event.seq}`));
  return ({ cursor, seq, hasFailed }) => !hasFailed && !buried.has(`${cursor.key}/${seq}`);
}

function retryColumns(rows: readonly RetryRow[]): unknown[] {
  return [
    streamIds(rows),
    subscriptionIds(rows),
    seqs(rows),
    numberArray(rows.map(({ eventAt }) => seconds(eventAt))),
    numberArray(rows.map(({ attempts }) => attempts)),
    numberArray(rows.map(({ kind }) => kind)),
    numberArray(rows.map(({ at }) => seconds(at))),
    textArray(rows.map(({ error }) => error)),
  ];
}

function deadLetterColumns(rows: readonly DeadLetterRow[]): unknown[] {
  const events = rows.map(({ event }) => event.stored);
  const data = events.map((event) => event.data);
  const starts: number[] = [];
  let size = 0;
  for (const bytes of data) {
    starts.push(size + 1);
    size += bytes?.length ?? 0;
  }
  return [
    streamIds(rows),
    subscriptionIds(rows),
    numberArray(events.map(({ seq }) => seq)),
    numberArray(rows.map(({ at }) => seconds(at))),
    textArray(rows.map(({ reason }) => reason)),
    textArray(rows.map(({ error }) => error)),
    numberArray(rows.map(({ status }) => status)),
    numberArray(rows.map(({ attempts }) => attempts)),
    numberArray(rows.map(({ event }) => seconds(event.at))),
    textArray(events.map(({ id }) => id)),
    textArray(events.map(({ topic }) => topic)),
    textArray(events.map(({ type }) => type)),
    textArray(events.map(({ source }) => source)),
    textArray(events.map(({ subject }) => subject ?? null)),
    textArray(events.map(({ key }) => key ?? null)),
    textArray(events.map(({ contentType }) => contentType ?? null)),
    Buffer.concat(data.filter((bytes) => bytes !== undefined)),
    textArray(events.map(({ attributes }) => JSON.stringify(attributes))),
    numberArray(starts),
    numberArray(data.map((bytes) => bytes?.length ?? -1)),
  ];
}
