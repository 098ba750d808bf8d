import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Logger } from 'pino';
import { isDatabaseUnavailable } from '@hookcast/database';
import { UnknownStreamError } from '@hookcast/log';
import { Problem } from './problem.js';
import type { ProblemCode } from './problems.js';
import { requestIdOf } from './request-id.js';
import { sendProblem } from './send-problem.js';

/** Seconds after which a caller is asked to try again while the database is away. */
export const retryAfterSeconds = 2;

/** The one place where an error becomes an answer. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    private readonly log: Logger,
    /** The methods that exist for a path, in which case a 404 of the router is a 405. */
    private readonly methodsOf: (path: string) => string[],
    /** For who asks for what is not there: where it may be. */
    private readonly directions: string,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<Request>();
    const response = host.switchToHttp().getResponse<Response>();
    const problem = this.unrouted(error, request) ?? toProblem(error);
    reportProblem(this.log, problem, { requestId: requestIdOf(response), method: request.method, path: request.path });
    sendProblem(response, problem);
  }

  private unrouted(error: unknown, request: Request): Problem | undefined {
    if (!(error instanceof HttpException) || error.getStatus() !== 404) return undefined;
    const methods = this.methodsOf(request.path);
    if (methods.length === 0 || methods.includes(request.method))
      return new Problem('route-not-found', { detail: `${request.method} leads nowhere here. ${this.directions}` });
    const allow = methods.join(', ');
    return new Problem('method-not-allowed', { detail: `Supported here: ${allow}.`, headers: { allow } });
  }
}

export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (isDatabaseUnavailable(error)) {
    return new Problem('unavailable', { headers: { 'retry-after': String(retryAfterSeconds) }, cause: error });
  }
  if (error instanceof UnknownStreamError) {
    return new Problem('topic-not-found', { detail: 'The topic was deleted meanwhile.', cause: error });
  }
  const code = codeOfStatus(error instanceof HttpException ? error.getStatus() : undefined);
  return new Problem(code, { cause: error });
}

/** Statuses that Nest and Express themselves give: an undecodable path, mostly. */
function codeOfStatus(status: number | undefined): ProblemCode {
  if (status === 400) return 'request-malformed';
  if (status === 413) return 'payload-too-large';
  return status === 415 ? 'unsupported-media-type' : 'internal-error';
}

/** A bug is logged with its stack, an outage with one line; refusals are the caller's business. */
export function reportProblem(
  log: Logger,
  problem: Problem,
  request: { requestId: string; method: string | undefined; path: string },
): void {
  const line = { ...request, code: problem.code, status: problem.status };
  if (problem.code === 'internal-error') log.error({ ...line, err: problem.cause }, 'request.failed');
  else if (problem.code === 'unavailable') log.warn({ ...line, reason: reasonOf(problem) }, 'request.unavailable');
  else log.debug(line, 'request.refused');
}

function reasonOf({ cause, message }: Problem): string {
  return cause instanceof Error ? cause.message || cause.name : message;
}
