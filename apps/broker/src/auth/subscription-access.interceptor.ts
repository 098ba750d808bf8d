import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { Subscription } from '@hookcast/database';
import { findOperation, isOperationId } from '@hookcast/delivery';
import type { Request } from 'express';
import type { Observable } from 'rxjs';
import { Any, type EntityManager } from 'typeorm';
import { AuditTrail } from '../audit/audit-trail.js';
import { callerNamespace } from './namespace.js';
import { ControlPlane } from '../control/control-plane.js';
import { Problem } from '../http/problem.js';
import { forbidden } from './authenticator.js';
import { callerOf } from './callers.js';
import { scopeMetadata, type Principal, type Scope } from './scope.js';
import { operationOf, routeOf, touchedBy, touchesNothing, type Touched } from './subscription-access.js';
import { firstUncovered } from './topic-containment.js';

/**
 * Holds keys to the topics of their subscribe scopes: they may touch a subscription only if they cover every topic
 * it has and every topic it is to have. Runs after the body was read and before it is validated.
 */
@Injectable()
export class SubscriptionAccess implements NestInterceptor {
  constructor(
    private readonly reflector: Reflector,
    private readonly control: ControlPlane,
    private readonly trail: AuditTrail,
  ) {}

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const request = context.switchToHttp().getRequest<Request>();
    const caller = callerOf(request);
    const scope = this.reflector.getAllAndOverride<Scope | undefined>(scopeMetadata, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (caller && needsCoverage(caller, scope)) {
      const touched = await this.touched(request);
      refuseUncovered(caller, touched);
      await this.refuseForeign(this.control.manager, caller, touched);
      // Between this look and the change somebody else may have changed the subscription.
      this.trail.setRecheck(async (tx) => this.refuseForeign(tx, caller, touched));
    }
    return next.handle();
  }

  /** An operation touches its subscription, as long as that exists. */
  private async touched(request: Request): Promise<Touched> {
    const touched = touchedBy(routeOf(request), request.params, request.body);
    const id = operationOf(routeOf(request), request.params);
    if (id === undefined || !isOperationId(id)) return touched;
    const { manager } = this.control;
    const namespace = callerNamespace();
    const operation = await findOperation(manager, { namespace, id });
    if (!operation || !(await manager.existsBy(Subscription, { namespace, name: operation.subscription })))
      return touched;
    return { ...touched, subscriptions: [operation.subscription] };
  }

  private async refuseForeign(manager: EntityManager, caller: Principal, touched: Touched): Promise<void> {
    const namespace = callerNamespace();
    const stored = await manager.find(Subscription, {
      where: [
        { namespace, name: Any(touched.subscriptions) },
        { namespace, service: Any(touched.services) },
      ],
      select: { id: true, name: true, topics: true },
    });
    const foreign = stored.find(({ topics }) => firstUncovered(caller.grants.subscribe, topics) !== undefined);
    if (!foreign) return;
    // Its topics are not named: the key may not see them.
    const detail = `This needs scopes "subscribe:<topic pattern>" that cover every topic of the subscription "${foreign.name}".`;
    throw new Problem('forbidden', { detail });
  }
}

function needsCoverage({ grants }: Principal, scope: Scope | undefined): boolean {
  if (grants.admin) return false;
  return scope === 'subscribe' || (scope === 'read' && !grants.read);
}

/** What names no subscription concerns all of them. */
function refuseUncovered({ grants }: Principal, touched: Touched): void {
  const uncovered = firstUncovered(grants.subscribe, touchesNothing(touched) ? ['**'] : touched.topics);
  if (uncovered !== undefined) throw forbidden(`subscribe:${uncovered}`);
}
