import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';
import { DocsAccess } from './auth/docs-access.js';
import { PublishLane } from './events/publish-lane.js';
import { BrokerHttpAdapter } from './http/broker-http-adapter.js';
import { ProblemFilter } from './http/problem.filter.js';
import { methodsAt } from './http/route-table.js';
import { openRequest, requestId, securityHeaders } from './http/security-headers.js';
import { validationPipe } from './http/validation.js';
import { NestLog } from './logging.js';
import { docsPaths, serveDocs } from './openapi.js';
import type { Runtime } from './runtime.js';
import { SourceLane } from './sources/source-lane.js';

/** A broker process: the Nest application, ready to listen. */
export interface BrokerApp {
  app: NestExpressApplication;
  adapter: BrokerHttpAdapter;
}

/** Puts the application of a role together. Its database must be migrated. */
export async function createApp(runtime: Runtime): Promise<BrokerApp> {
  const { config, log } = runtime;
  const adapter = new BrokerHttpAdapter(config);
  const app = await NestFactory.create<NestExpressApplication>(AppModule.for(runtime), adapter, {
    bodyParser: false,
    abortOnError: false,
    logger: new NestLog(log),
  });
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(requestId, securityHeaders, openRequest);
  app.useGlobalPipes(validationPipe());
  const methodsOf = (path: string) => methodsAt(adapter.getInstance().router, path);
  const directions =
    config.role === 'worker'
      ? 'This process only delivers, by its HOOKCAST_ROLE: ask one with the role api or all.'
      : 'All addresses are listed in /openapi.json.';
  app.useGlobalFilters(new ProblemFilter(log, methodsOf, directions));
  if (config.role !== 'worker') {
    app.use(docsPaths, app.get(DocsAccess, { strict: false }).handle);
    serveDocs(app);
    const publishing = app.get(PublishLane, { strict: false });
    const sources = app.get(SourceLane, { strict: false });
    adapter.useLane((request, response) => publishing.take(request, response) || sources.take(request, response));
  }
  await app.init();
  return { app, adapter };
}
