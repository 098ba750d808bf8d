import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  Inject,
  Injectable,
  Logger,
  Module,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import type { EventContext } from './event-context.js';
import { HookEndpoint, type HookRequest } from './hook-endpoint.js';
import type { HookAnswer } from './hook-answer.js';
import { RECEIVER } from './nest-controller.js';
import { HandlerDiscovery } from './nest-handlers.js';
import { HookMount } from './nest-hook-mount.js';
import { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, type HookcastReceiverModuleOptions } from './nest-options.js';
import { checkRegistrationOptions, planOf, registrationOf } from './nest-registration.js';
import { answerNode } from './node-handler.js';
import type { Registration } from './registration.js';

/** The hook of an application: its `@OnEvent` handlers behind one endpoint, registered at the broker. */
@Injectable()
export class HookcastReceiver implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger('HookcastReceiver');
  private endpoint: HookEndpoint | undefined;
  private active: Registration | undefined;
  private hasHandlers = false;

  constructor(
    @Inject(MODULE_OPTIONS_TOKEN) private readonly options: HookcastReceiverModuleOptions,
    private readonly discovery: HandlerDiscovery,
    private readonly mount: HookMount,
  ) {
    checkRegistrationOptions(options, 'HookcastReceiverModule');
    mount.intercept(() => this.started());
  }

  /** The registration at the broker; undefined when none was asked for. */
  get registration(): Registration | undefined {
    return this.active;
  }

  /** Answers a request that reached the application by another way than its HTTP server. */
  async handle(request: HookRequest): Promise<HookAnswer> {
    return this.started().handle(request);
  }

  async node(request: IncomingMessage, response: ServerResponse): Promise<void> {
    await answerNode(this.started(), request, response);
  }

  onModuleInit(): void {
    const { subscriptions, entries } = planOf(this.discovery.find(), this.options, this.mount.path);
    this.hasHandlers = entries.length > 0;
    this.active = registrationOf(this.options, subscriptions, this.logger);
    this.endpoint = new HookEndpoint({
      ...this.options,
      handlers: entries,
      registration: this.active,
      onError: (error, context) => this.logFailure(error, context),
      onRefused: ({ reason, detail }) => this.logger.warn(`A request was refused (${reason}): ${detail}`),
    });
  }

  onApplicationBootstrap(): void {
    const { active } = this;
    if (active !== undefined) this.mount.onListening(() => this.register(active));
  }

  /** In the first hook: an application that is going away renews nothing any more. */
  onModuleDestroy(): void {
    this.active?.stop();
  }

  private register(registration: Registration): void {
    if (this.hasHandlers) registration.start();
    // To declare nothing would delete what the service has, with its backlog: more likely a module was left out.
    else this.logger.warn('No method has @OnEvent: nothing is registered, and what was registered before is kept.');
  }

  private started(): HookEndpoint {
    if (this.endpoint === undefined) throw new Error('HookcastReceiver is used before the application is initialised.');
    return this.endpoint;
  }

  private logFailure(error: unknown, { id, topic, subscription, attempt }: EventContext): void {
    const stack = error instanceof Error ? error.stack : String(error);
    this.logger.error(`Event ${id} of ${topic} failed in ${subscription ?? 'a handler'}, attempt ${attempt}`, stack);
  }
}

/**
 * Mounts the hook of an application on a controller, with the raw bytes that signatures need whatever body parsers there
 * are, and registers the subscriptions of its `@OnEvent` handlers once it listens.
 *
 * @example
 * HookcastReceiverModule.forRoot({
 *   service: 'billing',
 *   url: 'http://billing:3000',
 *   broker: { url: 'http://127.0.0.1:8080', apiKey },
 * })
 */
@Module({
  imports: [DiscoveryModule],
  providers: [HandlerDiscovery, HookMount, HookcastReceiver, { provide: RECEIVER, useExisting: HookcastReceiver }],
  exports: [HookcastReceiver],
})
export class HookcastReceiverModule extends ConfigurableModuleClass {}
