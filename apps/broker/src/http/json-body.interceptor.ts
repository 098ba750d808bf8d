import { Inject, Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { isJsonContentType } from '@hookcast/protocol';
import type { Request } from 'express';
import type { Observable } from 'rxjs';
import { RUNTIME, type Runtime } from '../runtime.js';
import { readBody } from './body.js';
import { parseJsonObject, unknownField } from './json-object.js';
import { Problem } from './problem.js';
import { routeArguments } from './route-arguments.js';
import { invalid } from './validation.js';

const withBody = new Set(['POST', 'PUT', 'PATCH']);

/** Marks a handler that reads the body itself. */
export const ReadsOwnBody = Reflector.createDecorator<true>();

/**
 * Reads JSON bodies after the guards, so that nobody without a key makes the broker read or parse anything.
 * Nest runs interceptors between guards and the pipes that hand `@Body()` to a handler.
 */
@Injectable()
export class JsonBodyInterceptor implements NestInterceptor {
  constructor(
    private readonly reflector: Reflector,
    @Inject(RUNTIME) private readonly runtime: Runtime,
  ) {}

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const request = context.switchToHttp().getRequest<Request>();
    if (withBody.has(request.method) && !this.reflector.get(ReadsOwnBody, context.getHandler())) {
      const body = await readBody(request, this.runtime.config.maxBodyBytes);
      if (body.length > 0) refuseOtherTypes(request.headers['content-type']);
      const fields = parseJsonObject(body, this.runtime.config);
      if (!routeArguments(context).body) refuseFields(fields);
      request.body = fields;
    }
    return next.handle();
  }
}

/** Nothing would look at them, so a caller who means something by them has to be told. */
function refuseFields(fields: object): void {
  const names = Object.keys(fields);
  if (names.length > 0) throw invalid(names.map(unknownField));
}

function refuseOtherTypes(contentType: string | undefined): void {
  const charset = /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(contentType ?? '')?.[1]?.toLowerCase() ?? 'utf-8';
  if (isJsonContentType(contentType) && (charset === 'utf-8' || charset === 'utf8')) return;
  const found = contentType === undefined ? 'and is missing' : `not ${JSON.stringify(contentType)}`;
  throw new Problem('unsupported-media-type', { detail: `Content-Type must be application/json in UTF-8, ${found}.` });
}
