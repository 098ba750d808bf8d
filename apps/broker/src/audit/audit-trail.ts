import { AsyncLocalStorage } from 'node:async_hooks';
import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { ControlPlane } from '../control/control-plane.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import { snapshot } from './audit-snapshot.js';
import { insertEntries, type AuditEntry } from './audit-store.js';

/** A request as the audit log knows it. */
export interface AuditedRequest {
  namespace: string;
  keyId: string;
  keyName: string;
  method: string;
  action: string;
  /** What is made by the request gets its name while it runs. */
  target: string;
  requestId: string;
  address: string | null;
  /** Asked again in the transaction: what was looked at before may have changed since. */
  recheck?: (tx: EntityManager) => Promise<void>;
  /** Set by the change that wrote the entry. */
  isWritten: boolean;
  /** Set with the answer: what its timers do later is not the caller's doing. */
  isOver: boolean;
}

/** Writes what requests change into the audit log, in the transaction of the change. */
@Injectable()
export class AuditTrail {
  private readonly requests = new AsyncLocalStorage<AuditedRequest>();

  constructor(
    private readonly control: ControlPlane,
    @Inject(RUNTIME) private readonly runtime: Pick<Runtime, 'clock' | 'log'>,
  ) {
    control.witness(async (tx, work) => this.witness(tx, work));
  }

  /** Everything that `work` starts belongs to the request. */
  during<T>(request: AuditedRequest, work: () => T): T {
    return this.requests.run(request, work);
  }

  /** Names what the request has just made. */
  setTarget(target: string): void {
    const request = this.requests.getStore();
    if (request) request.target = target;
  }

  /** The request only tried what it would do: it leaves no entry. */
  nothingChanged(): void {
    const request = this.requests.getStore();
    if (request) request.isWritten = true;
  }

  /** Has the request checked once more inside each of its changes. */
  setRecheck(recheck: (tx: EntityManager) => Promise<void>): void {
    const request = this.requests.getStore();
    if (request) request.recheck = recheck;
  }

  /** For what changed nothing in the control plane, or was not let through. */
  async write(request: AuditedRequest, outcome: string, detail: string | null = null): Promise<void> {
    await insertEntries(this.control.manager, [this.entry(request, { outcome, detail, before: null, after: null })]);
  }

  private async witness<T>(tx: EntityManager, work: () => Promise<T>): Promise<T> {
    const request = this.requests.getStore();
    if (!request || request.isOver) return work();
    await request.recheck?.(tx);
    const before = await snapshot(tx, request.target, request.namespace);
    const result = await work();
    const after = await snapshot(tx, request.target, request.namespace);
    await insertEntries(tx, [this.entry(request, { outcome: 'done', detail: null, before, after })]);
    request.isWritten = true;
    return result;
  }

  private entry(
    request: AuditedRequest,
    told: Pick<AuditEntry, 'outcome' | 'detail' | 'before' | 'after'>,
  ): AuditEntry {
    const { namespace, keyId, keyName, method, action, target, requestId, address } = request;
    const at = this.runtime.clock.now();
    return { at, namespace, keyId, keyName, method, action, target, requestId, address, count: 1, ...told };
  }
}
