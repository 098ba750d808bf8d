import { rows, type SqlSource } from '@hookcast/database';
import type { Operation, OperationProgress } from './operation.js';
import { operationColumns, toOperation, type OperationColumns } from './operation-store.js';

/** Silence after which another process carries an operation on. */
const leaseSeconds = 10;

/** An operation under the lock of a step. */
export interface LockedOperation {
  operation: Operation;
  allowance: { left: number; at: number };
  /** By the database's clock, unix milliseconds. */
  now: number;
}

/** The subscription that an operation works on, as it is now. */
export interface OperatedSubscription {
  state: string;
  filter: string | null;
}

/** What a step came to. */
export interface StepResult {
  progress: OperationProgress;
  isFed: boolean;
  fed: number;
  done: number;
  failed: number;
  skipped: number;
}

/**
 * Operations whose next step is due and that nobody else has in hand, for a lease. Index: operations_open.
 *
 * Race closed: of two processes that look at the same time the second passes over what the first is about to take.
 */
export async function claimOperations(source: SqlSource, runner: string, limit: number): Promise<string[]> {
  const claimed = await rows<{ id: string }>(
    source,
    /* sql */ `
    with due as (
      select id from operations
       where status in ('pending', 'running') and next_step_at <= now()
         and (runner is null or runner = $1 or leased_until < now())
       order by next_step_at limit $2 for no key update skip locked)
    update operations o set runner = $1, leased_until = now() + $3 * interval '1 second', status = 'running'
      from due where o.id = due.id returning o.id`,
    [runner, limit, leaseSeconds],
  );
  return claimed.map(({ id }) => id);
}

/** Locks an operation for one step; undefined when it is this runner's no longer, or was cancelled. Index: primary key. */
export async function lockOperation(
  transaction: SqlSource,
  id: string,
  runner: string,
): Promise<LockedOperation | undefined> {
  const [locked] = await rows<OperationColumns & { allowance: number; allowance_at: Date; now: Date }>(
    transaction,
    /* sql */ `
    select ${operationColumns}, allowance, allowance_at, clock_timestamp() as now from operations
     where id = $1 and runner = $2 and status = 'running' for no key update`,
    [id, runner],
  );
  if (!locked) return undefined;
  const { allowance, allowance_at: at, now } = locked;
  return {
    operation: toOperation(locked),
    allowance: { left: allowance, at: at.getTime() },
    now: now.getTime(),
  };
}

/** Undefined when it was deleted. Index: primary key. */
export async function operatedSubscription(source: SqlSource, id: number): Promise<OperatedSubscription | undefined> {
  const [found] = await rows<OperatedSubscription>(
    source,
    /* sql */ `select state, filter from subscriptions where id = $1`,
    [id],
  );
  return found;
}

/** Deliveries of an operation that are not settled; the pace bounds them. Index: retries_of_operation. */
export async function countUnderWay(source: SqlSource, id: string): Promise<number> {
  const [row] = await rows<{ waiting: number }>(
    source,
    /* sql */ `select count(*)::int as waiting from retries where operation_id = $1`,
    [id],
  );
  return row?.waiting ?? 0;
}

/** Takes what was told of an operation's deliveries; in the transaction that adds it up. */
export async function takeResults(transaction: SqlSource, id: string): Promise<{ done: number; failed: number }> {
  const [row] = await rows<{ settled: string | null; failed: string | null }>(
    transaction,
    /* sql */ `
    with told as (delete from operation_results where operation_id = $1 returning settled, failed)
    select sum(settled) as settled, sum(failed) as failed from told`,
    [id],
  );
  const failed = Number(row?.failed ?? 0);
  return { done: Number(row?.settled ?? 0) - failed, failed };
}

/** Stores a step: what it did was done in the same transaction. */
export async function saveStep(
  transaction: SqlSource,
  id: string,
  step: StepResult & {
    allowance: { left: number; at: number };
    waitsFor: string | null;
    /** Milliseconds until the next one. */
    waitMs: number;
  },
): Promise<void> {
  const { progress, isFed, fed, done, failed, skipped, allowance, waitsFor, waitMs } = step;
  await rows(
    transaction,
    /* sql */ `
    update operations set progress = $2, is_fed = $3, fed = fed + $4, done = done + $5, failed = failed + $6,
      skipped = skipped + $7, total = greatest(total, fed + $4 + skipped + $7), allowance = $8,
      allowance_at = to_timestamp($9::float8 / 1000), waits_for = $10, updated_at = now(),
      next_step_at = now() + $11 * interval '1 millisecond', leased_until = now() + $12 * interval '1 second'
     where id = $1`,
    [
      id,
      JSON.stringify(progress),
      isFed,
      fed,
      done,
      failed,
      skipped,
      allowance.left,
      allowance.at,
      waitsFor,
      waitMs,
      leaseSeconds,
    ],
  );
}

/** Nothing of it is under way any more. Deliveries that vanished meanwhile, with their day or a move of the cursor, failed. */
export async function finishOperation(
  transaction: SqlSource,
  id: string,
  { status, error }: { status: 'done' | 'failed' | 'cancelled'; error: string | null },
): Promise<void> {
  await rows(
    transaction,
    /* sql */ `
    update operations set status = $2, error = $3, waits_for = null, finished_at = now(), updated_at = now(), runner = null,
      failed = case when $2 = 'done' and fed > 0 then fed - done else failed end,
      total = case when $2 = 'done' then greatest(fed, done) + skipped else total end
     where id = $1`,
    [id, status, error],
  );
}

/** Gives back what a process has in hand, so that another need not wait for the lease to end. */
export async function releaseOperations(source: SqlSource, runner: string): Promise<void> {
  await rows(
    source,
    /* sql */ `
    update operations set runner = null, leased_until = null where runner = $1 and status in ('pending', 'running')`,
    [runner],
  );
}

/** Forgets operations that were finished long ago. Index: operations_finished, operation_results_of_operation. */
export async function sweepOperations(source: SqlSource, keepDays: number): Promise<number> {
  const swept = await rows<{ id: string }>(
    source,
    /* sql */ `
    with old as (delete from operations where finished_at < now() - $1 * interval '1 day' returning id),
      told as (delete from operation_results r where not exists (
        select 1 from operations o where o.id = r.operation_id and o.finished_at is null))
    select id from old`,
    [keepDays],
  );
  return swept.length;
}
