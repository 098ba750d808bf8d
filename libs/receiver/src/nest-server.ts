import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from 'node:http';
import { isTopicPattern } from '@hookcast/protocol';
import type { SqlTransaction } from '@hookcast/protocol/sql-transaction';
import { Logger } from '@nestjs/common';
import { BaseRpcContext, Server, type CustomTransportStrategy, type MessageHandler } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import type { EventContext } from './event-context.js';
import type { DecoratedHandler } from './nest-handlers.js';
import type { OnEventOptions } from './nest-on-event.js';
import { checkRegistrationOptions, hookOf, type NestHook } from './nest-registration.js';
import { checkPlace, topicOfPattern, type HookcastServerOptions } from './nest-server-options.js';
import { answerNode, sendAnswer } from './node-handler.js';
import type { Registration } from './registration.js';

/** Keeps a handler to this transport in an application with several: `@EventPattern('orders.*', HOOKCAST_TRANSPORT)`. */
export const HOOKCAST_TRANSPORT = Symbol.for('hookcast.transport');

/** What `@Ctx()` gives to an `@EventPattern` handler. */
export class HookcastContext<Transaction = SqlTransaction> extends BaseRpcContext<
  [EventContext, (Transaction | undefined)?]
> {
  /** Everything about the event besides its data. */
  get event(): EventContext {
    return this.args[0];
  }

  /** The same on every attempt: what to recognise duplicates by. */
  get id(): string {
    return this.event.id;
  }

  get topic(): string {
    return this.event.topic;
  }

  /** From 1. */
  get attempt(): number {
    return this.event.attempt;
  }

  /**
   * The transaction of a handler with an inbox: TypeORM's EntityManager or a client of `pg`.
   *
   * @throws {TypeError} when the handler has none
   */
  get transaction(): Transaction {
    const [, transaction] = this.args;
    if (transaction === undefined)
      throw new TypeError('This handler has no inbox: say `{ hookcast: { inbox: true } }`.');
    return transaction;
  }
}

type EventCallback = MessageHandler<unknown, HookcastContext, unknown>;

/**
 * The transport strategy that runs `@EventPattern` handlers on what a Hookcast broker delivers. Every handler whose pattern
 * matches runs; an event is settled when all have returned and tried again when one threw. Patterns become subscriptions;
 * `@EventPattern('orders.*', { hookcast: { concurrency: 4 } })` says how one is delivered.
 *
 * @example
 * const app = await NestFactory.create(AppModule);
 * app.connectMicroservice({ strategy: new HookcastServer({ app, service: 'billing', url: 'http://billing:3000', broker }) });
 * await app.startAllMicroservices();
 * await app.listen(3000);
 */
export class HookcastServer extends Server implements CustomTransportStrategy {
  override transportId = HOOKCAST_TRANSPORT;
  /** Failures are awaited and logged here, so Nest need not. */
  override readonly propagatesEventHandlerErrors = true;
  protected override readonly logger = new Logger('HookcastServer');
  private readonly path: string;
  private readonly events: { pattern: string; callback: EventCallback }[] = [];
  private http: HttpServer | undefined;
  private hook: NestHook | undefined;

  /** @throws {TypeError} when the options cannot be right */
  constructor(private readonly options: HookcastServerOptions) {
    super();
    checkPlace(options);
    checkRegistrationOptions(options, 'HookcastServer');
    this.path = options.path ?? '/hooks';
    // Now rather than when it listens: what the application parses later finds nothing left to parse.
    options.app?.use(this.path, async (request, response) => this.answer(request, response));
  }

  /** The registration at the broker; undefined when none was asked for. */
  get registration(): Registration | undefined {
    return this.hook?.registration;
  }

  /** Nest's own list chains the handlers of one pattern, so that the first failure would hide how the others end. */
  override addHandler(
    pattern: Parameters<Server['addHandler']>[0],
    callback: MessageHandler,
    isEventHandler = false,
    extras: Record<string, unknown> = {},
  ): void {
    const text = this.normalizePattern(pattern);
    if (isEventHandler) this.events.push({ pattern: text, callback: Object.assign(callback, { extras }) });
    else this.logger.warn(`@MessagePattern(${text}) is not served: the bus has events and no answers to them.`);
    if (!this.messageHandlers.has(text)) super.addHandler(text, callback, isEventHandler, extras);
  }

  listen(callback: (error?: unknown) => void): void {
    const { app, port, host } = this.options;
    const hook = this.open();
    const http = app?.getHttpServer() ?? createServer((request, response) => void this.route(request, response));
    if (http.listening) hook.register();
    else http.once('listening', () => hook.register());
    if (app !== undefined) return callback();
    this.http = http;
    http.once('error', callback);
    http.listen({ port, ...(host !== undefined && { host }) }, () => callback());
  }

  async close(): Promise<void> {
    await this.hook?.stop();
    const { http } = this;
    if (http === undefined) return;
    await new Promise<void>((resolve) => {
      http.close(() => resolve());
      http.closeIdleConnections();
    });
  }

  /** There is nothing to listen to: the broker connects, not we. */
  on(): void {}

  /** The HTTP server of its own. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- Nest's own signature
  override unwrap<T>(): T;
  override unwrap(): HttpServer | undefined {
    return this.http;
  }

  private open(): NestHook {
    const { options, path, logger } = this;
    const handlers = this.events.map((event) => this.handlerOf(event));
    return (this.hook = hookOf(handlers, options, { path, decorator: '@EventPattern', logger }));
  }

  private handlerOf({ pattern, callback }: { pattern: string; callback: EventCallback }): DecoratedHandler {
    const { topicOf = topicOfPattern } = this.options;
    const topics = topicOf(pattern);
    if (!isTopicPattern(topics)) {
      throw new TypeError(
        `@EventPattern(${pattern}) is no topic pattern: say with topicOf which topics it stands for.`,
      );
    }
    const options: OnEventOptions = callback.extras?.['hookcast'] ?? {};
    const handle: DecoratedHandler['handle'] = async (data, context, transaction) => {
      // oxlint-disable-next-line typescript/no-unnecessary-type-arguments -- inferred, undefined would be part of it
      const result: unknown = await callback(data, new HookcastContext<SqlTransaction>([context, transaction]));
      return isObservable(result) ? lastValueFrom(result, { defaultValue: undefined }) : result;
    };
    return { pattern: topics, options, name: `@EventPattern(${pattern})`, handle };
  }

  private async route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path = ''] = (request.url ?? '').split('?', 1);
    if (path === this.path) await this.answer(request, response);
    else sendAnswer(response, { status: 404, headers: {}, body: '' });
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.hook !== undefined) await answerNode(this.hook.endpoint, request, response);
    else sendAnswer(response, { status: 503, headers: { 'retry-after': '2' }, body: '' });
  }
}
