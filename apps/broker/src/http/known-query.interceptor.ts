import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request } from 'express';
import { ReadsOwnBody } from './json-body.interceptor.js';
import { unknownParameter } from './json-object.js';
import { routeArguments } from './route-arguments.js';
import { invalid } from './validation.js';

/**
 * Refuses parameters that no one reads, on the API: whoever discards dead letters with `?dryRun=true` means something by
 * it, and it belongs into the body there. What takes its query as an object has that object's rules.
 */
@Injectable()
export class KnownQueryInterceptor implements NestInterceptor {
  constructor(private readonly reflector: Reflector) {}

  intercept(context: ExecutionContext, next: CallHandler): ReturnType<NestInterceptor['intercept']> {
    const { path, query } = context.switchToHttp().getRequest<Request>();
    if (path.toLowerCase().startsWith('/v1/') && !this.reflector.get(ReadsOwnBody, context.getHandler())) {
      const known = routeArguments(context);
      const unknown = known.query.kind === 'object' ? [] : namesBeyond(query, known.query.names);
      if (unknown.length > 0) throw invalid(unknown.map((name) => unknownParameter(name, known.body)));
    }
    return next.handle();
  }
}

function namesBeyond(query: object, known: ReadonlySet<string>): string[] {
  return Object.keys(query).filter((name) => !known.has(name));
}
