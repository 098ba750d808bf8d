import { Injectable } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import type { SqlTransaction } from '@hookcast/protocol/sql-transaction';
import type { EventContext } from './event-context.js';
import { onEventMetadata, type OnEventMetadata } from './nest-on-event.js';

/** A method with `@OnEvent`, once for each of its patterns. */
export interface DecoratedHandler extends OnEventMetadata {
  /** `Class.method`, for what is said to people. */
  name: string;
  /** @param transaction only for a handler with an inbox */
  handle: (data: unknown, context: EventContext, transaction?: SqlTransaction) => unknown;
}

/** Finds the methods with `@OnEvent` of every provider and controller. */
@Injectable()
export class HandlerDiscovery {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
  ) {}

  /** @throws {TypeError} for a request-scoped provider: there is no instance of it to call */
  find(): DecoratedHandler[] {
    const handlers: DecoratedHandler[] = [];
    const seen = new Set<unknown>();
    for (const wrapper of [...this.discovery.getProviders(), ...this.discovery.getControllers()]) {
      const instance: unknown = wrapper.instance;
      // One instance may be provided under several tokens.
      if (typeof instance !== 'object' || instance === null || seen.has(instance)) continue;
      seen.add(instance);
      const found = handlersOf(instance, this.scanner);
      if (found[0] !== undefined && !wrapper.isDependencyTreeStatic()) {
        throw new TypeError(`${found[0].name} has @OnEvent, but its provider is request-scoped: make it a singleton.`);
      }
      handlers.push(...found);
    }
    return handlers;
  }
}

function handlersOf(instance: object, scanner: MetadataScanner): DecoratedHandler[] {
  const prototype: object | null = Reflect.getPrototypeOf(instance);
  return scanner.getAllMethodNames(prototype).flatMap((method) => {
    const declared: unknown = prototype === null ? undefined : Reflect.get(prototype, method);
    if (typeof declared !== 'function') return [];
    const name = `${instance.constructor.name}.${method}`;
    const handle: DecoratedHandler['handle'] = (...parameters) => call(instance, method, parameters);
    return onEventMetadata(declared).map((metadata) => ({ ...metadata, name, handle }));
  });
}

/** Looks the method up at each call, so that what wraps it later (tracing, mocks of the user's tests) takes part. */
function call(instance: object, method: string, parameters: unknown[]): unknown {
  const current: unknown = Reflect.get(instance, method);
  return typeof current === 'function' ? Reflect.apply(current, instance, parameters) : undefined;
}
