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
import type { HookEndpoint, HookRequest } from './hook-endpoint.js';
import type { HookAnswer } from './hook-answer.js';
import { RECEIVER } from './nest-controller.js';
import { takenFrom } from './nest-fastify.js';
import { HandlerDiscovery } from './nest-handlers.js';
import { HookMount } from './nest-hook-mount.js';
import { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, type HookcastReceiverModuleOptions } from './nest-options.js';
import { checkRegistrationOptions, hookOf, type NestHook } from './nest-registration.js';
import { answerNode, sendAnswer } from './node-handler.js';
import type { Registration } from './registration.js';

/** The hook of an application: its `@OnEvent` handlers behind one endpoint, registered at the broker. */
@Injectable()
export class HookcastReceiver implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger('HookcastReceiver');
  private hook: NestHook | undefined;

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
    return this.hook?.registration;
  }

  /** Answers a request that reached the application by another way than its HTTP server. */
  async handle(request: HookRequest): Promise<HookAnswer> {
    return this.started().handle(request);
  }

  async node(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const taken = takenFrom(request);
    if (taken === undefined) await answerNode(this.started(), request, response);
    else sendAnswer(response, await this.started().handle(taken));
  }

  onModuleInit(): void {
    const { logger, mount } = this;
    this.hook = hookOf(this.discovery.find(), this.options, { path: mount.path, decorator: '@OnEvent', logger });
  }

  onApplicationBootstrap(): void {
    this.mount.onListening(() => this.hook?.register());
  }

  /** In the first hook: an application that is going away renews nothing any more. */
  async onModuleDestroy(): Promise<void> {
    await this.hook?.stop();
  }

  private started(): HookEndpoint {
    if (this.hook === undefined) throw new Error('HookcastReceiver is used before the application is initialised.');
    return this.hook.endpoint;
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
