import { rows, type SqlSource } from '@hookcast/database';

/** An operation that a worker lets make fewer deliveries than its rate. */
export interface SlowedOperation {
  operationId: string;
  /** Deliveries a second. */
  pace: number;
  reason: string;
}

/** Longer than the pause after which a worker says it again. */
const shownSeconds = 5;

/** Says so in the operation, for a while. One that is taking a step at this moment is passed over. Index: primary key. */
export async function noteSlowed(source: SqlSource, { operationId, pace, reason }: SlowedOperation): Promise<void> {
  await rows(
    source,
    /* sql */ `
    update operations set pace = $2, slowed_by = $3, slowed_until = now() + $4 * interval '1 second'
     where id = (select id from operations where id = $1 and status = 'running' for no key update skip locked)`,
    [operationId, pace, reason, shownSeconds],
  );
}
