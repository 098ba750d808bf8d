import type { IncomingMessage, ServerResponse } from 'node:http';
import { Controller, Inject, Post, Req, Res, VERSION_NEUTRAL, type Type } from '@nestjs/common';
import { nodeRequestOf, nodeResponseOf, type FastifyReply, type FastifyRequest } from './nest-fastify.js';
import type { Receiver } from './receiver.js';

/** The injection token of the {@link Receiver} that answers the requests. */
export const RECEIVER = Symbol('hookcast.receiver');

/** A controller that is the hook at this path. */
export function hookController(path: string, decorators: readonly ClassDecorator[]): Type<unknown> {
  @Controller({ path, version: VERSION_NEUTRAL })
  class HookController {
    constructor(@Inject(RECEIVER) private readonly receiver: Pick<Receiver, 'node'>) {}

    @Post()
    async receive(
      @Req() request: IncomingMessage | FastifyRequest,
      @Res() response: ServerResponse | FastifyReply,
    ): Promise<void> {
      await this.receiver.node(nodeRequestOf(request), nodeResponseOf(response));
    }
  }
  for (const decorate of decorators) decorate(HookController);
  return HookController;
}
