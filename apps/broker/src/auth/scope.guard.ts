import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request, Response } from 'express';
import { attemptOf } from '../audit/audit.interceptor.js';
import { Problem } from '../http/problem.js';
import { Authenticator, forbidden, type Authentication } from './authenticator.js';
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
    private readonly authenticator: Authenticator,
    private readonly refused: RefusedRequests,
    private readonly answers: OpenAnswers,
  ) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const targets = [context.getHandler(), context.getClass()];
    const scope = this.reflector.getAllAndOverride<Scope | 'public' | undefined>(scopeMetadata, targets);
    if (scope === 'public') return true;
    const request = context.switchToHttp().getRequest<Request>();
    const found = this.authenticator.authenticate(request.headers.authorization);
    return found instanceof Promise
      ? found.then((authentication) => this.admit(context, authentication, scope))
      : this.admit(context, found, scope);
  }

  private admit(context: ExecutionContext, authentication: Authentication, scope: Scope | undefined): boolean {
    const http = context.switchToHttp();
    const [request, response] = [http.getRequest<Request>(), http.getResponse<Response>()];
    if (authentication.kind === 'refused') throw this.refused.stranger({ request, response }, authentication);
    const { principal } = authentication;
    const problem = refusal(principal, scope, routeOf(request));
    if (problem) throw this.refused.refused(attemptOf(request, response), principal, problem);
    setCaller(request, principal);
    if (request.method === 'GET') this.answers.track(response, request.headers.authorization);
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
