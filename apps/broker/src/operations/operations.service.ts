import { createHash, randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Subscription } from '@hookcast/database';
import {
  cancelOperation,
  createOperation,
  findOperation,
  isOperationId,
  listOperations,
  type Operation,
  type OperationKind,
  type OperationRequest,
} from '@hookcast/delivery';
import type { StoredEvent } from '@hookcast/log';
import type pg from 'pg';
import { AuditTrail } from '../audit/audit-trail.js';
import { callerNamespace } from '../auth/namespace.js';
import { cursorKey, defaultLimit, pageOf, type Page } from '../http/page.js';
import { Problem } from '../http/problem.js';
import type { Asking } from '../repetition/asking.js';
import { DATA_POOL, RUNTIME, type Runtime } from '../runtime.js';
import {
  toOperationResponse,
  toSample,
  type DryRunResponse,
  type OperationQuery,
  type OperationResponse,
} from './operation.dto.js';

export interface WantedOperation {
  kind: OperationKind;
  subscription: Subscription;
  request: OperationRequest;
  rate: number | null;
  total: number;
}

/** Events that a dry run shows. */
export const sampleSize = 10;

@Injectable()
export class OperationsService {
  constructor(
    @Inject(DATA_POOL) private readonly pool: pg.Pool,
    @Inject(RUNTIME) private readonly runtime: Runtime,
    private readonly trail: AuditTrail,
  ) {}

  /** @throws Problem idempotency-key-conflict */
  async begin(wanted: WantedOperation, asking: Asking): Promise<OperationResponse> {
    const { kind, subscription, request, rate, total } = wanted;
    const asked = createHash('sha256')
      .update(JSON.stringify([kind, subscription.name, asking.body]))
      .digest('base64url');
    const { isNew, operation } = await createOperation(this.pool, {
      id: randomUUID(),
      namespace: callerNamespace(),
      kind,
      subscriptionId: subscription.id,
      subscription: subscription.name,
      request: { ...request, asked },
      rate,
      total,
      createdBy: asking.keyId,
      idempotencyKey: asking.idempotencyKey === undefined ? null : `${asking.keyId}/${asking.idempotencyKey}`,
    });
    if (operation.request.asked !== asked) throw new Problem('idempotency-key-conflict');
    this.trail.setTarget(`subscription/${subscription.name}`);
    if (isNew) {
      const { id } = operation;
      this.runtime.log.info({ operation: id, kind, subscription: subscription.name, total }, 'operation.created');
    }
    return toOperationResponse(operation);
  }

  /** What an operation would concern; it leaves no trace. */
  tried(wanted: {
    kind: OperationKind;
    subscription: Subscription;
    size: { total: number; isExact: boolean };
    events: readonly StoredEvent[];
  }): DryRunResponse {
    this.trail.nothingChanged();
    const { kind, subscription, size, events } = wanted;
    const sample = events.slice(0, sampleSize).map(toSample);
    const nothing = { done: 0, failed: 0 };
    return {
      dryRun: true,
      id: null,
      kind,
      subscription: subscription.name,
      status: 'dry-run',
      ...size,
      ...nothing,
      sample,
    };
  }

  /** @throws Problem operation-not-found */
  async get(id: string): Promise<OperationResponse> {
    return toOperationResponse(await this.find(id));
  }

  async list(query: OperationQuery): Promise<Page<OperationResponse>> {
    const { limit = defaultLimit, cursor, subscription, kind, status } = query;
    const after = placeOf(cursor);
    const found = await listOperations(this.pool, {
      namespace: callerNamespace(),
      limit: limit + 1,
      ...(subscription !== undefined && { subscription }),
      ...(kind !== undefined && { kind }),
      ...(status !== undefined && { status }),
      ...(after && { after }),
    });
    const page = pageOf(found, limit, ({ createdAt, id }) => [createdAt.getTime(), id]);
    return { items: page.items.map(toOperationResponse), nextCursor: page.nextCursor };
  }

  /** One that is finished stays as it is. @throws Problem operation-not-found */
  async cancel(id: string): Promise<OperationResponse> {
    const { namespace, status } = await this.find(id);
    await cancelOperation(this.pool, { namespace, id });
    const cancelled = await this.find(id);
    if (cancelled.status !== status) this.runtime.log.info({ operation: id }, 'operation.cancelled');
    return toOperationResponse(cancelled);
  }

  private async find(id: string): Promise<Operation> {
    const found = isOperationId(id) ? await findOperation(this.pool, { namespace: callerNamespace(), id }) : undefined;
    if (!found) throw new Problem('operation-not-found');
    return found;
  }
}

function placeOf(cursor: string | undefined): { at: Date; id: string } | undefined {
  const [at, id] = cursorKey(cursor, ['time', 'string']) ?? [];
  if (at === undefined || id === undefined) return undefined;
  // A cursor that was tampered with ends the list.
  return {
    at: new Date(Number(at)),
    id: isOperationId(String(id)) ? String(id) : 'ffffffff-ffff-ffff-ffff-ffffffffffff',
  };
}
