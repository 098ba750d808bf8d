import type { NestExpressApplication } from '@nestjs/platform-express';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { problemBody, Problem } from './http/problem.js';
import { version } from './version.js';

/** Where the documentation is: at these paths and beneath. */
export const docsPaths = ['/docs', '/openapi.json'];

/** Serves `/openapi.json` and `/docs`, from files in node_modules only. Who may see them is DocsAccess's business. */
export function serveDocs(app: NestExpressApplication): OpenAPIObject {
  const document = withProblems(SwaggerModule.createDocument(app, describe()));
  SwaggerModule.setup('docs', app, document, {
    jsonDocumentUrl: 'openapi.json',
    raw: ['json'],
    customSiteTitle: 'Hookcast API',
  });
  return document;
}

function describe(): Omit<OpenAPIObject, 'paths'> {
  return new DocumentBuilder()
    .setTitle('Hookcast')
    .setDescription('A microservice event bus built on webhooks. Errors are RFC 9457 problems, see docs/problems.md.')
    .setVersion(version)
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'API key', description: 'An API key.' })
    .build();
}

/** Every operation may answer with a problem; the shape is described once. */
function withProblems(document: OpenAPIObject): OpenAPIObject {
  const components = (document.components ??= {});
  (components.schemas ??= {})['Problem'] = {
    type: 'object',
    required: ['type', 'title', 'status', 'detail', 'instance', 'code'],
    properties: {
      type: { type: 'string' },
      title: { type: 'string' },
      status: { type: 'integer' },
      detail: { type: 'string' },
      instance: { type: 'string', description: 'The request id, also in the X-Request-Id header.' },
      code: { type: 'string' },
      errors: {
        type: 'array',
        items: { type: 'object', properties: { pointer: { type: 'string' }, detail: { type: 'string' } } },
      },
    },
    example: problemBody(new Problem('topic-not-found'), '019abc'),
  };
  const answer = {
    description: 'A problem',
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  };
  for (const path of Object.values(document.paths)) {
    for (const operation of [path.get, path.put, path.post, path.delete]) {
      if (operation) operation.responses['default'] = answer;
    }
  }
  return document;
}
