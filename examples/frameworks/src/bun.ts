import { port, receiver } from './billing.js';

/** Bun serves what a program exports by default. */
// oxlint-disable-next-line import/no-default-export -- Bun's convention
export default {
  port,
  hostname: '127.0.0.1',
  fetch: async (request: Request): Promise<Response> =>
    new URL(request.url).pathname === '/hooks' ? receiver.fetch(request) : new Response(null, { status: 404 }),
};
