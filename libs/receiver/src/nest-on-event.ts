import 'reflect-metadata';
import { compilePattern, type TopicName } from '@hookcast/protocol';
import type { EventContext } from './event-context.js';
import type { SubscriptionSettings } from './subscription-declaration.js';

/** How the subscription behind a handler is named and delivered. */
export interface OnEventOptions extends SubscriptionSettings {
  /**
   * The name of the subscription. Handlers that name the same one share it.
   *
   * @default `<service>.<pattern>`, with `any` for `*` and `all` for `**`
   */
  subscription?: string | undefined;
  /**
   * Runs the method in a transaction of the service's database that also notes that its event was handled, so that what it
   * writes there exists once. The transaction is its third parameter: TypeORM's EntityManager or a client of `pg`, by the
   * `inbox` of the module. It is noted under `Class.method`; `handler` is another name, to be kept when the code moves.
   *
   * @default false
   */
  inbox?: boolean | InboxHandler | undefined;
}

export interface InboxHandler {
  handler: string;
}

export interface OnEventMetadata {
  pattern: string;
  options: OnEventOptions;
}

/** On a method whose data is what `HookcastTopics` says of the topics; on any, when one of them is not in it. */
export type OnEventDecorator<T extends string, More extends unknown[] = []> = <
  Handler extends (data: HandledData<T>, context: EventContext, ...more: More) => unknown,
>(
  target: object,
  name: string | symbol,
  descriptor: TypedPropertyDescriptor<Handler>,
) => void;

type HandledData<T extends string> = [T] extends [keyof HookcastTopics] ? HookcastTopics[T] : never;

const metadataKey = 'hookcast:on-event';

/**
 * Calls the method for every event whose topic matches: `(data, context: EventContext)`. `*` stands for one segment of a
 * topic, `**` at the end for one or more. The event is settled when the method returns and tried again when it throws.
 * Several handlers may take the same pattern, and a method several patterns: all of them run.
 *
 * @example
 * \@OnEvent('orders.*', { concurrency: 4 })
 * async onOrder(order: Order, { id, topic }: EventContext) {}
 *
 * \@OnEvent('orders.created', { inbox: true })
 * async write(order: Order, context: EventContext, tx: EntityManager) {
 *   await tx.save(invoiceOf(order));
 * }
 *
 * @throws {RangeError} when a pattern is none
 */
export function OnEvent<const T extends TopicName>(
  patterns: T | readonly T[],
  options: OnEventOptions & { inbox: true | InboxHandler },
): OnEventDecorator<T, [transaction: never]>;
export function OnEvent<const T extends TopicName>(
  patterns: T | readonly T[],
  options?: OnEventOptions,
): OnEventDecorator<T>;
export function OnEvent(patterns: string | readonly string[], options: OnEventOptions = {}): MethodDecorator {
  const added = [patterns].flat().map((pattern) => ({ pattern, options }));
  for (const { pattern } of added) compilePattern(pattern);
  return (_target, _name, { value }: PropertyDescriptor) => {
    if (typeof value !== 'function') throw new TypeError('@OnEvent belongs on a method.');
    Reflect.defineMetadata(metadataKey, [...added, ...onEventMetadata(value)], value);
  };
}

/** What `@OnEvent` said about a method, in the order the decorators stand. */
export function onEventMetadata(method: object): readonly OnEventMetadata[] {
  const metadata: readonly OnEventMetadata[] | undefined = Reflect.getMetadata(metadataKey, method);
  return metadata ?? [];
}
