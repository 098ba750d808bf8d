import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable, type HttpServer } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost } from '@nestjs/core';
import type { HookEndpoint } from './hook-endpoint.js';
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
    return `/${this.config.getGlobalPrefix()}/${this.route}`.replaceAll(/\/{2,}/g, '/').replace(/(?<=.)\/$/, '');
  }

  /**
   * Takes the bytes of hook requests before any body parser of the application gets to them, and answers handshakes
   * before its CORS does. To be called while the application is made: Express asks in the order of `use`.
   */
  intercept(endpoint: () => HookEndpoint): void {
    const install = () => this.install(endpoint);
    if (this.adapter === undefined) this.host.init$.subscribe(install);
    else install();
  }

  /** Calls back once the server takes requests, so that a handshake finds it there. */
  onListening(listening: () => void): void {
    if (this.host.listening) listening();
    else this.host.listen$.subscribe(listening);
  }

  /** There is none yet in a testing module, and never one in an application context, whatever the type says. */
  private get adapter(): HttpServer | undefined {
    const adapter: HttpServer | null | undefined = this.host.httpAdapter;
    return adapter ?? undefined;
  }

  private install(endpoint: () => HookEndpoint): void {
    const { adapter } = this;
    if (adapter === undefined) return;
    if (adapter.getType() !== 'express') throw new TypeError(`${needsExpress}, not ${adapter.getType()}.`);
    adapter.use((request: ParsedRequest, response: ServerResponse, next: () => void) => {
      if (!this.isHook(request)) next();
      else if (request.method === 'POST') void keepBytes(endpoint(), { request, response, next });
      else if (isHandshake(request)) void answerNode(endpoint(), request, response);
      else next();
    });
  }

  /** Compares as Express does by default: case and a slash at the end do not matter. */
  private isHook({ url = '' }: IncomingMessage): boolean {
    const [path = ''] = url.split('?', 1);
    return path.toLowerCase().replace(/(?<=.)\/$/, '') === this.path.toLowerCase();
  }
}

const needsExpress =
  'HookcastReceiverModule needs @nestjs/platform-express; with other adapters use createReceiver().fetch or .node';

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
