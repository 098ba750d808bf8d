import { inspect } from 'node:util';
import type { Logger } from '@nestjs/common';
import type { EventContext } from './event-context.js';
import { HookEndpoint } from './hook-endpoint.js';
import type { HookcastReceiverModuleOptions } from './nest-options.js';
import type { DecoratedHandler } from './nest-handlers.js';
import { pruningOf, withInbox } from './nest-inbox.js';
import { planSubscriptions, type SubscriptionPlan } from './nest-subscriptions.js';
import { createRegistration, type Registration } from './registration.js';
import { isHttpUrl, type SubscriptionDeclaration } from './subscription-declaration.js';

/** @throws {TypeError} that names the options which `broker` needs besides itself */
export function checkRegistrationOptions({ broker, service, url }: HookcastReceiverModuleOptions, owner: string): void {
  if (broker === undefined) return;
  const missing = [service === undefined ? ['service'] : [], url === undefined ? ['url'] : []].flat();
  if (missing.length > 0) throw new TypeError(`${owner}: broker needs ${missing.join(' and ')} as well`);
  if (url !== undefined && !isHttpUrl(url)) throw new TypeError(`${owner}: "${url}" is no http or https URL`);
}

/** What stands behind the hook of an application. */
export interface NestHook {
  endpoint: HookEndpoint;
  /** The registration at the broker; undefined when none was asked for. */
  registration: Registration | undefined;
  /** Declares the subscriptions of the handlers at the broker, if there is one, until it has answered. */
  register(): void;
  /** Ends the registration's and the inbox's rounds; the endpoint goes on answering. */
  stop(): Promise<void>;
}

/** Where a hook stands and what it tells. */
export interface NestHookPlace {
  path: string;
  /** What makes a method a handler, for what is said to people: `@OnEvent`. */
  decorator: string;
  logger: Logger;
}

/** Puts the decorated handlers of an application behind one endpoint, which tells Nest's log. */
export function hookOf(
  handlers: readonly DecoratedHandler[],
  options: HookcastReceiverModuleOptions,
  { path, decorator, logger }: NestHookPlace,
): NestHook {
  const { subscriptions, entries } = planOf(withInbox(handlers, options.inbox), options, path);
  const registration = registrationOf(options, subscriptions, logger);
  const isStrict = [options.subscriptions, ...handlers.map((handler) => handler.options)].some(
    (settings) => settings?.ordering === 'strict',
  );
  const endpoint = new HookEndpoint({
    ...options,
    handlers: entries,
    registration,
    ordering: isStrict ? 'strict' : undefined,
    onError: (error, context) => logger.error(...failureOf(error, context)),
    onRefused: ({ reason, detail }) => logger.warn(`A request was refused (${reason}): ${detail}`),
  });
  const pruning = pruningOf(options.inbox, (error) => logger.warn(`The inbox was not pruned: ${String(error)}`));
  const register = () => {
    pruning?.start();
    if (registration === undefined) return;
    if (entries.length > 0) registration.start();
    // To declare nothing would delete what the service has, with its backlog: more likely a module was left out.
    else logger.warn(`No method has ${decorator}: nothing is registered, and what was registered before is kept.`);
  };
  const stop = async () => {
    registration?.stop();
    await pruning?.stop();
  };
  return { endpoint, registration, register, stop };
}

/** A line for the log and the stack under it. Nest hands on what an RpcException was made with, which may be anything. */
function failureOf(error: unknown, { id, topic, subscription, attempt }: EventContext): [string, string | undefined] {
  const line = `Event ${id} of ${topic} failed in ${subscription ?? 'a handler'}, attempt ${attempt}`;
  return [line, error instanceof Error ? error.stack : inspect(error)];
}

/** The subscriptions of handlers, when there is a broker to declare them at, and what runs on their deliveries. */
function planOf(
  handlers: readonly DecoratedHandler[],
  { broker, service, url = '', subscriptions: defaults = {} }: HookcastReceiverModuleOptions,
  path: string,
): SubscriptionPlan {
  if (broker !== undefined && service !== undefined) {
    return planSubscriptions(handlers, { service, url: hookUrl(url, path), defaults });
  }
  const entries = handlers.map(({ pattern, options, handle }) => {
    return { pattern, subscription: options.subscription, handle };
  });
  return { subscriptions: [], entries };
}

/** An origin alone gets the path of the hook. */
function hookUrl(text: string, path: string): string {
  const url = new URL(text);
  return url.pathname === '/' ? `${url.origin}${path}` : url.href;
}

/** The registration at the broker, which tells Nest's log; undefined when none is asked for. */
function registrationOf(
  { broker, service, revision }: HookcastReceiverModuleOptions,
  subscriptions: readonly SubscriptionDeclaration[],
  logger: Logger,
): Registration | undefined {
  if (broker === undefined || service === undefined) return undefined;
  const log = {
    info: (line: string) => logger.log(line),
    warn: (line: string) => logger.warn(line),
    error: (line: string) => logger.error(line),
  };
  return createRegistration({ broker, service, revision, subscriptions, log });
}
