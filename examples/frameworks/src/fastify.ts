import { fastify, type FastifyInstance } from 'fastify';
import { port, receiver } from './billing.js';

/** A plugin, so that only the hook has its bodies left as bytes. */
async function hooks(scope: FastifyInstance): Promise<void> {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser<Buffer>('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  scope.route<{ Body: Buffer | undefined }>({
    method: ['POST', 'OPTIONS'],
    url: '/hooks',
    handler: async ({ method, headers, body = Buffer.alloc(0) }, reply) => {
      const answer = await receiver.handle({ method, headers, body });
      return reply.code(answer.status).headers(answer.headers).send(answer.body);
    },
  });
}

const app = fastify().register(hooks);
app.listen({ port, host: '127.0.0.1' }, () => console.log('listens'));
