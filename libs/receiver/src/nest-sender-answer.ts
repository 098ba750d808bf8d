import type { ServerResponse } from 'node:http';
import {
  Catch,
  Logger,
  type ArgumentsHost,
  type CallHandler,
  type ExceptionFilter,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { map, type Observable } from 'rxjs';
import type { SourceResponse } from '@hookcast/sources';
import { nodeResponseOf, type FastifyReply } from './nest-fastify.js';
import { receivedBy } from './nest-sender-items.js';
import { sendAnswer } from './node-handler.js';
import { SenderRequestError } from './sender-request-error.js';

/** Ends the handling of a request with an answer that is no failure: a guard has no other way. */
export class SenderAnswer extends Error {
  constructor(readonly response: SourceResponse) {
    super('A request was answered before its handler.');
  }
}

/** Writes the answers to handshakes, and those to refused requests, whose reason only the log has. */
@Catch(SenderAnswer, SenderRequestError)
export class SenderAnswerFilter implements ExceptionFilter<SenderAnswer | SenderRequestError> {
  private readonly logger = new Logger('FromSender');

  catch(error: SenderAnswer | SenderRequestError, host: ArgumentsHost): void {
    if (error instanceof SenderRequestError) this.report(error);
    const response = host.switchToHttp().getResponse<ServerResponse | FastifyReply>();
    const { status, headers, body } = error.response;
    sendAnswer(nodeResponseOf(response), { status, headers: { ...headers }, body });
  }

  private report({ status, message }: SenderRequestError): void {
    if (status >= 500) this.logger.error(message);
    else this.logger.warn(message);
  }
}

/** Gives the answer that the sender expects when the handler has none of its own. */
export class SenderAnswerInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    const { response } = receivedBy(http.getRequest<object>());
    const answer = (own: unknown) =>
      own === undefined ? expected(response, http.getResponse<ServerResponse | FastifyReply>()) : own;
    return next.handle().pipe(map(answer));
  }
}

function expected(response: SourceResponse, target: ServerResponse | FastifyReply): string | undefined {
  // Nest sets the status of the route after this; another one has to go past it.
  if (response.status !== 200) throw new SenderAnswer(response);
  for (const [name, value] of Object.entries(response.headers)) {
    if ('raw' in target) target.header(name, value);
    else target.setHeader(name, value);
  }
  return response.body === '' ? undefined : response.body;
}
