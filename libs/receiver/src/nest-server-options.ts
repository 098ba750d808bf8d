import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http';
import type { HookcastReceiverModuleOptions } from './nest-options.js';

/** What is needed of a Nest application to stand in its HTTP server. */
export interface HookApplication {
  use(path: string, handle: (request: IncomingMessage, response: ServerResponse) => unknown): unknown;
  getHttpServer(): HttpServer;
}

/** What the receiver module takes, and where the hook stands: in the HTTP server of `app`, or in one of its own. */
export interface HookcastServerOptions extends HookcastReceiverModuleOptions {
  /** The application that also takes other requests; needs no `port`. */
  app?: HookApplication | undefined;
  /** The port of a server of its own. */
  port?: number | undefined;
  /** @default every address of the machine */
  host?: string | undefined;
  /** Where the hook is mounted; a global prefix is not added. @default '/hooks' */
  path?: string | undefined;
  /**
   * The topic, or pattern of topics, that an `@EventPattern` stands for. Object patterns come as Nest writes them, as JSON.
   *
   * @default the pattern itself, with `#` (RabbitMQ) and `>` (NATS) at its end read as `**`
   */
  topicOf?: ((pattern: string) => string) | undefined;
}

/** @throws {TypeError} when there is no place to listen, or more than one */
export function checkPlace({ app, port }: HookcastServerOptions): void {
  if ((app === undefined) === (port === undefined)) {
    throw new TypeError('HookcastServer: give either app, whose HTTP server it shares, or the port of its own.');
  }
}

export const topicOfPattern = (pattern: string): string => pattern.replace(/(?<=^|\.)[#>]$/, '**');
