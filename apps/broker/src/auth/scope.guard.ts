import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request } from 'express';
import { Problem } from '../http/problem.js';
import { Authenticator } from './authenticator.js';
import { scopeMetadata, type Scope } from './scope.js';

/** Denies by default: a handler without a declared scope is refused even to the admin key. */
@Injectable()
export class ScopeGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly authenticator: Authenticator,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    const targets = [context.getHandler(), context.getClass()];
    const scope = this.reflector.getAllAndOverride<Scope | 'public' | undefined>(scopeMetadata, targets);
    if (scope === 'public') return true;
    const request = context.switchToHttp().getRequest<Request>();
    this.authenticator.authorize(request.headers.authorization, scope ?? 'admin');
    if (scope === undefined) throw new Problem('forbidden', { detail: 'This route declares no scope.' });
    return true;
  }
}
