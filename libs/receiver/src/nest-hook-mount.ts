import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable, type HttpServer } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost } from '@nestjs/core';
import type { HookEndpoint } from './hook-endpoint.js';
import { adapterOf, onAdapter } from './nest-adapter.js';
import { nodeResponseOf, takeBytes, type FastifyHooks } from './nest-fastify.js';
import { HOOK_PATH } from './nest-options.js';
import { answerNode, sendAnswer } from './node-handler.js';
import { rawBodyOf, type ParsedRequest } from './raw-body.js';

/** Where the hook stands in the application's HTTP server. An application without one has no hook. */
@Injectable()
export class HookMount {
  constructor(
    @Inject(HOOK_PATH) private readonly route: string,
    private readonly host: HttpAdapterHost,
    private readonly config: ApplicationConfig,
  ) {}

  /** The path of the hook, global prefix included. The prefix is set after the module is made, so ask late. */
  get path(): string {
    // An application context has none in Nest 10.0, whatever the type says.
    const config: ApplicationConfig | undefined = this.config;
    return `/${config?.getGlobalPrefix() ?? ''}/${this.route}`.replaceAll(/\/{2,}/g, '/').replace(/(?<=.)\/$/, '');
  }

  /**
   * Takes the bytes of hook requests before any body parser of the application gets to them, and answers handshakes
   * before its CORS does. To be called while the application is made: Express and Fastify ask in the order of installing.
   */
  intercept(endpoint: () => HookEndpoint): void {
    onAdapter(this.host, (adapter) => this.install(adapter, endpoint));
  }

  /** Calls back once the server takes requests, so that a handshake finds it there. */
  onListening(listening: () => void): void {
    const { listen$ }: Partial<HttpAdapterHost> = this.host;
    if (this.host.listening) listening();
    else if (listen$ !== undefined) listen$.subscribe(listening);
    else adapterOf(this.host)?.getHttpServer().once('listening', listening);
  }

  private install(adapter: HttpServer, endpoint: () => HookEndpoint): void {
    switch (adapter.getType()) {
      case 'express':
        return this.installInExpress(adapter, endpoint);
      case 'fastify':
        return this.installInFastify(adapter.getInstance(), endpoint);
      default:
        throw new TypeError(`${needsAdapter}, not ${adapter.getType()}.`);
    }
  }

  private installInExpress(adapter: HttpServer, endpoint: () => HookEndpoint): void {
    adapter.use((request: ParsedRequest, response: ServerResponse, next: () => void) => {
      if (!this.isHook(request)) next();
      else if (request.method === 'POST') void keepBytes(endpoint(), { request, response, next });
      else if (isHandshake(request)) void answerNode(endpoint(), request, response);
      else next();
    });
  }

  private installInFastify(fastify: FastifyHooks, endpoint: () => HookEndpoint): void {
    fastify.addHook('onRequest', (request, reply, next) => {
      const { raw } = request;
      if (!this.isHook(raw)) next();
      else if (raw.method === 'POST') void takeBytes(endpoint(), { request, reply, next });
      else if (isHandshake(raw)) void answerNode(endpoint(), raw, nodeResponseOf(reply));
      else next();
    });
  }

  /** Compares as Express does by default: case and a slash at the end do not matter. The routes have the last word. */
  private isHook({ url = '' }: IncomingMessage): boolean {
    const [path = ''] = url.split('?', 1);
    return path.toLowerCase().replace(/(?<=.)\/$/, '') === this.path.toLowerCase();
  }
}

const needsAdapter =
  'HookcastReceiverModule needs @nestjs/platform-express or -fastify; with other adapters use createReceiver()';

const isHandshake = ({ method, headers }: IncomingMessage): boolean =>
  method === 'OPTIONS' && headers['webhook-request-origin'] !== undefined;

async function keepBytes(
  endpoint: HookEndpoint,
  { request, response, next }: { request: ParsedRequest; response: ServerResponse; next: () => void },
): Promise<void> {
  const body = await rawBodyOf(request, endpoint.maxBodyBytes);
  if (body.kind === 'refused') return sendAnswer(response, endpoint.refuse(body));
  // `_body` is how body-parser 1, of Nest 10, learns that there is nothing left to parse; later ones see it by themselves.
  Object.assign(request, { rawBody: body.bytes, _body: true });
  next();
}
