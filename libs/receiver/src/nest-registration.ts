import type { Logger } from '@nestjs/common';
import type { HookcastReceiverModuleOptions } from './nest-options.js';
import type { DecoratedHandler } from './nest-handlers.js';
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

/** The subscriptions of handlers, when there is a broker to declare them at, and what runs on their deliveries. */
export function planOf(
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
export function registrationOf(
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
