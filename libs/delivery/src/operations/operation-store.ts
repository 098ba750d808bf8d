import { rows, type SqlSource } from '@hookcast/database';
import {
  firstProgress,
  type NewOperation,
  type Operation,
  type OperationProgress,
  type OperationRequest,
} from './operation.js';

interface OperationColumns {
  id: string;
  namespace: string;
  kind: Operation['kind'];
  subscription_id: number;
  subscription: string;
  request: OperationRequest;
  rate: number | null;
  status: Operation['status'];
  waits_for: string | null;
  pace: number | null;
  slowed_by: string | null;
  total: string;
  fed: string;
  done: string;
  failed: string;
  skipped: string;
  progress: OperationProgress;
  is_fed: boolean;
  created_by: string;
  created_at: Date;
  updated_at: Date;
  finished_at: Date | null;
  error: string | null;
}

const columns = /* sql */ `id, namespace, kind, subscription_id, subscription, request, rate, status, waits_for, total, fed,
  done, failed, skipped, progress, is_fed, created_by, created_at, updated_at, finished_at, error, case when slowed_until > now() then pace end as pace,
  case when slowed_until > now() then slowed_by end as slowed_by`;

/**
 * Stores an operation, which from then on is carried out. With an idempotency key that was used before, the operation
 * of then is answered and nothing is stored. Index: the unique one of keys.
 */
export async function createOperation(
  source: SqlSource,
  operation: NewOperation,
): Promise<{ isNew: boolean; operation: Operation }> {
  const { id, namespace, kind, subscriptionId, subscription, request, rate, total, createdBy, idempotencyKey } =
    operation;
  const [made] = await rows<OperationColumns>(
    source,
    /* sql */ `
    insert into operations (id, namespace, kind, subscription_id, subscription, request, rate, total, progress, created_by,
      idempotency_key, created_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, date_trunc('milliseconds', now()))
    on conflict (namespace, idempotency_key) do nothing
    returning ${columns}`,
    [
      id,
      namespace,
      kind,
      subscriptionId,
      subscription,
      JSON.stringify(request),
      rate,
      total,
      JSON.stringify(firstProgress(request)),
      createdBy,
      idempotencyKey,
    ],
  );
  if (made) return { isNew: true, operation: toOperation(made) };
  const [known] = await rows<OperationColumns>(
    source,
    /* sql */ `select ${columns} from operations where namespace = $1 and idempotency_key = $2`,
    [namespace, idempotencyKey],
  );
  if (!known) throw new Error(`Operation ${id} was neither stored nor found`);
  return { isNew: false, operation: toOperation(known) };
}

/** Index: primary key. */
export async function findOperation(
  source: SqlSource,
  { namespace, id }: { namespace: string; id: string },
): Promise<Operation | undefined> {
  const [found] = await rows<OperationColumns>(
    source,
    /* sql */ `select ${columns} from operations where id = $1 and namespace = $2`,
    [id, namespace],
  );
  return found && toOperation(found);
}

export interface OperationQuery {
  namespace: string;
  subscription?: string;
  kind?: string;
  status?: string;
  limit: number;
  after?: { at: Date; id: string };
}

/** Newest first. Index: operations_by_time. */
export async function listOperations(source: SqlSource, query: OperationQuery): Promise<Operation[]> {
  const { namespace, subscription = null, kind = null, status = null, limit, after } = query;
  const found = await rows<OperationColumns>(
    source,
    /* sql */ `
    select ${columns} from operations
     where namespace = $1 and ($2::text is null or subscription = $2) and ($3::text is null or kind = $3)
       and ($4::text is null or status = $4)
       and ($5::timestamptz is null or created_at < $5
            or (created_at = $5 and id > $6::uuid))
     order by created_at desc, id limit $7`,
    [namespace, subscription, kind, status, after?.at ?? null, after?.id ?? null, limit],
  );
  return found.map(toOperation);
}

/**
 * Cancels an operation that is not finished, and takes back what it has set going and nobody is sending at this
 * moment; {@link takeBackCancelled} sees to the rest. A dead letter that waited to be delivered again is a dead letter
 * still. Index: primary key, retries_of_operation.
 *
 * Rows that a settle holds are passed over: waiting for them in another order than it does could never end.
 */
export async function cancelOperation(
  source: SqlSource,
  { namespace, id }: { namespace: string; id: string },
): Promise<void> {
  await rows(
    source,
    /* sql */ `
    update operations set status = 'cancelled', waits_for = null, finished_at = now(), updated_at = now()
     where id = $1 and namespace = $2 and status in ('pending', 'running')`,
    [id, namespace],
  );
  await takeBackCancelled(source);
}

/** What was under way when its operation was cancelled, and failed then, has come back as a row: it goes too. */
export async function takeBackCancelled(source: SqlSource): Promise<void> {
  await rows(
    source,
    /* sql */ `
    delete from retries r using (
      select stream_id, subscription_id, seq from retries
       -- an array is made once; a join looked into operations for every row that waits, every tenth of a second
       where operation_id = any(array(select id from operations
                                       where status = 'cancelled' and finished_at > now() - interval '15 minutes'))
         for update skip locked) gone
     where r.stream_id = gone.stream_id and r.subscription_id = gone.subscription_id and r.seq = gone.seq`,
  );
}

export function toOperation(row: OperationColumns): Operation {
  return {
    id: row.id,
    namespace: row.namespace,
    kind: row.kind,
    subscriptionId: row.subscription_id,
    subscription: row.subscription,
    request: row.request,
    rate: row.rate,
    status: row.status,
    waitsFor: row.waits_for,
    pace: row.pace,
    slowedBy: row.slowed_by,
    total: Number(row.total),
    fed: Number(row.fed),
    done: Number(row.done),
    failed: Number(row.failed),
    skipped: Number(row.skipped),
    progress: row.progress,
    isFed: row.is_fed,
    createdBy: row.created_by,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    finishedAt: row.finished_at,
    error: row.error,
  };
}

export type { OperationColumns };
export { columns as operationColumns };
