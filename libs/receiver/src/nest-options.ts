import { ConfigurableModuleBuilder } from '@nestjs/common';
import type { BrokerOptions } from './broker-api.js';
import type { ReceiverOptions } from './hook-endpoint.js';
import { hookController } from './nest-controller.js';
import type { HookcastInboxOptions } from './nest-inbox.js';
import type { SubscriptionSettings } from './subscription-declaration.js';

/** What the receiver verifies with, and what it registers. Without `broker` nothing is registered. */
export interface HookcastReceiverModuleOptions extends Pick<
  ReceiverOptions,
  'secrets' | 'publicKeys' | 'toleranceSeconds' | 'maxBodyBytes' | 'unhandled' | 'handshake' | 'concurrency'
> {
  /** Where the handlers' subscriptions are registered at startup. */
  broker?: BrokerOptions | undefined;
  /** The name this service has at the broker. Needed with `broker`. */
  service?: string | undefined;
  /**
   * Where the broker reaches this service: its origin (`http://billing:3000`), to which the path of the hook is added, or
   * the whole URL of the hook. Needed with `broker`.
   */
  url?: string | undefined;
  /** Grows with every deploy, so that an instance of the one before cannot take its successor's subscriptions back. */
  revision?: number | undefined;
  /** How every subscription is delivered unless its `@OnEvent` says otherwise. */
  subscriptions?: SubscriptionSettings | undefined;
  /** Where handlers with `inbox: true` have their transactions. What was handled long ago is forgotten while it runs. */
  inbox?: HookcastInboxOptions | undefined;
}

/** Options that are known before the others, because routes are made from them. */
export interface HookcastReceiverModuleExtras {
  /** Where the hook is mounted, below the application's global prefix. @default '/hooks' */
  path?: string;
  /** Put on the hook's controller, for guards and documentation: `[Public(), ApiExcludeController()]`. */
  decorators?: ClassDecorator[];
}

/** The injection token of the path the hook is mounted on. */
export const HOOK_PATH = Symbol('hookcast.hook-path');

const extras: HookcastReceiverModuleExtras = { path: '/hooks', decorators: [] };

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<HookcastReceiverModuleOptions>()
    .setClassMethodName('forRoot')
    .setExtras(extras, (definition, { path = '/hooks', decorators = [] }) => ({
      ...definition,
      controllers: [hookController(path, decorators)],
      providers: [...(definition.providers ?? []), { provide: HOOK_PATH, useValue: path }],
    }))
    .build();
