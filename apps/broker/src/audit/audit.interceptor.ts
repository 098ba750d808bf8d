import { Inject, Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { Request, Response } from 'express';
import { finalize, mergeMap, Observable, tap } from 'rxjs';
import { callerOf } from '../auth/callers.js';
import type { Principal } from '../auth/scope.js';
import { routeOf } from '../auth/subscription-access.js';
import { Problem } from '../http/problem.js';
import { requestIdOf } from '../http/request-id.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import { AuditTrail, type AuditedRequest } from './audit-trail.js';
import { auditedAction, isChanging, isRemarkable, type AuditedAction } from './audited-action.js';
import { Refusals } from './refusals.js';

/** Refusals that say something about the caller rather than about a slip in the request. */
const telling = new Set(['forbidden', 'hook-address-forbidden']);

/** Puts every request that may change something into the audit log, whatever route it takes. */
@Injectable()
export class AuditInterceptor implements NestInterceptor {
  constructor(
    private readonly trail: AuditTrail,
    private readonly refusals: Refusals,
    @Inject(RUNTIME) private readonly runtime: Pick<Runtime, 'log'>,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    const request = http.getRequest<Request>();
    const caller = callerOf(request);
    if (!caller || !isChanging(request.method)) return next.handle();
    const audited = auditedRequest(request, http.getResponse<Response>(), caller);
    return new Observable((subscriber) =>
      this.trail.during(audited, () =>
        next
          .handle()
          .pipe(
            mergeMap(async (answer: unknown) => {
              await this.finish(request, audited);
              return answer;
            }),
            tap({ error: (error: unknown) => this.refuse(audited, error) }),
            finalize(() => {
              audited.isOver = true;
            }),
          )
          .subscribe(subscriber),
      ),
    );
  }

  /** A declaration that changed nothing, or was only tried, leaves no entry. */
  private async finish(request: Request, audited: AuditedRequest): Promise<void> {
    const isIdle = request.method === 'PUT' || request.query['dryRun'] === 'true';
    if (audited.isWritten || isIdle || !isRemarkable(request.method, audited)) return;
    try {
      await this.trail.write(audited, 'done');
    } catch (error) {
      // It is done and cannot be taken back, so its answer must not say otherwise.
      const { keyId, action, target, requestId } = audited;
      this.runtime.log.error({ err: error, keyId, action, target, requestId }, 'audit.entry-lost');
    }
  }

  private refuse(audited: AuditedRequest, error: unknown): void {
    if (!(error instanceof Problem) || !telling.has(error.code)) return;
    const { namespace, keyId, keyName, method, action, target, requestId, address } = audited;
    const who = { namespace, keyId, keyName, requestId, address };
    this.refusals.add({ ...who, method, action, target, outcome: error.code, detail: error.message });
  }
}

/** A request as the audit log names it, before it is known who sent it. */
export function attemptOf(
  request: Request,
  response: Response,
): AuditedAction & { request: Request; response: Response } {
  return { request, response, ...auditedAction(request.method, routeOf(request), request.params) };
}

function auditedRequest(request: Request, response: Response, caller: Principal): AuditedRequest {
  return {
    ...auditedAction(request.method, routeOf(request), request.params),
    namespace: caller.namespace,
    keyId: caller.keyId,
    keyName: caller.name,
    method: request.method,
    requestId: requestIdOf(response),
    address: request.socket.remoteAddress ?? null,
    isWritten: false,
    isOver: false,
  };
}
