import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request, Response } from 'express';
import { attemptOf } from '../audit/audit.interceptor.js';
import { Problem } from '../http/problem.js';
import { Admission } from './admission.js';
import { forbidden } from './authenticator.js';
import { setCaller } from './callers.js';
import { OpenAnswers } from './open-answers.js';
import { RefusedRequests } from './refused-requests.js';
import { allows, scopeMetadata, type Principal, type Scope } from './scope.js';
import { mayReadOwn, routeOf } from './subscription-access.js';

/** Denies by default: a handler without a declared scope is refused even to the admin key. */
@Injectable()
export class ScopeGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly admission: Admission,
    private readonly refused: RefusedRequests,
    private readonly answers: OpenAnswers,
  ) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const targets = [context.getHandler(), context.getClass()];
    const scope = this.reflector.getAllAndOverride<Scope | 'public' | undefined>(scopeMetadata, targets);
    if (scope === 'public') return true;
    const http = context.switchToHttp();
    const found = this.admission.admit({ request: http.getRequest(), response: http.getResponse() });
    return found instanceof Promise
      ? found.then((principal) => this.admit(context, principal, scope))
      : this.admit(context, found, scope);
  }

  private admit(context: ExecutionContext, principal: Principal, scope: Scope | undefined): boolean {
    const http = context.switchToHttp();
    const [request, response] = [http.getRequest<Request>(), http.getResponse<Response>()];
    const problem = refusal(principal, scope, routeOf(request));
    if (problem) throw this.refused.refused(attemptOf(request, response), principal, problem);
    setCaller(request, principal);
    if (request.method === 'GET') this.answers.track(response, request);
    return true;
  }
}

/** Which topics a scope has to be for is decided later: by the publish lane and by SubscriptionAccess. */
function refusal(principal: Principal, scope: Scope | undefined, route: string): Problem | undefined {
  if (scope === undefined) return new Problem('forbidden', { detail: 'This route declares no scope.' });
  if (allows(principal, scope) || (scope === 'read' && mayReadOwn(principal, route))) return undefined;
  const names = { publish: 'publish:<topic pattern>', subscribe: 'subscribe:<topic pattern>' };
  return forbidden(scope === 'publish' || scope === 'subscribe' ? names[scope] : scope);
}
