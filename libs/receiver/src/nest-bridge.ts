import { Inject, Injectable, Module, type DynamicModule } from '@nestjs/common';
import { EventEmitter2 } from '@nestjs/event-emitter';
import type { EventContext } from './event-context.js';
import { OnEvent, type OnEventOptions } from './nest-on-event.js';

/**
 * Re-emits received events on the `EventEmitter2` of `@nestjs/event-emitter`: the name is the topic, the arguments are the
 * data and its `EventContext`. The event is settled once every listener has returned. Listeners of `@nestjs/event-emitter`
 * swallow their errors unless they say `{ suppressErrors: false }`; with it a failure makes the event come again.
 *
 * Needs `HookcastReceiverModule` and `EventEmitterModule.forRoot()`; its `wildcard: true` lets listeners take `orders.*`.
 *
 * @example
 * imports: [EventEmitterModule.forRoot(), HookcastReceiverModule.forRoot(options), HookcastEventEmitterModule.forRoot('orders.*')]
 */
@Module({})
export class HookcastEventEmitterModule {
  /**
   * @param patterns the topics that are re-emitted
   * @param options how their subscriptions are named and delivered
   */
  static forRoot(patterns: string | readonly string[], options: OnEventOptions = {}): DynamicModule {
    @Injectable()
    class EventEmitterBridge {
      constructor(@Inject(EventEmitter2) private readonly emitter: EventEmitter2) {}

      @OnEvent(patterns, options)
      async emit(data: unknown, context: EventContext): Promise<void> {
        await this.emitter.emitAsync(context.topic, data, context);
      }
    }
    return { module: HookcastEventEmitterModule, providers: [EventEmitterBridge] };
  }
}
