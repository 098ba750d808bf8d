import type { FastifyHooks, FastifyRequest } from './nest-fastify.js';
import { hideBody } from './nest-fastify.js';
import { takeBody } from './raw-body.js';
import { hasBody } from './sender-request.js';

/** What Nest hands to Fastify as the configuration of a handler's route; `@RouteConfig()` writes the same. */
export const routeConfigKey = '__fastify_route_config__';

/** In the configuration of a route: at most so many bytes of a body are read. */
const limitKey = 'hookcastSenderBytes';

export const senderRouteConfig = (maxBodyBytes: number): Record<string, number> => ({ [limitKey]: maxBodyBytes });

/** Instances that take the bodies of senders already: every handler asks for it. */
const prepared = new WeakSet<FastifyHooks>();

/** Takes the bytes of what senders send before Fastify refuses their types, or parses them and keeps no bytes. */
export function takeSenderBodies(fastify: FastifyHooks): void {
  if (prepared.has(fastify)) return;
  prepared.add(fastify);
  fastify.addHook('onRequest', (request, _, next) => {
    const limit = limitOf(request);
    if (limit === undefined || !hasBody(request.raw)) next();
    else void take(request, limit, next);
  });
}

async function take({ raw }: FastifyRequest, maxBytes: number, next: () => void): Promise<void> {
  await takeBody(raw, maxBytes);
  hideBody(raw);
  next();
}

function limitOf({ routeOptions, routeConfig }: FastifyRequest): number | undefined {
  const config: Record<string, unknown> = { ...(routeOptions?.config ?? routeConfig) };
  const limit = config[limitKey];
  return typeof limit === 'number' ? limit : undefined;
}
