import type { Request } from 'express';
import { isPlainObject } from '../http/field-rules.js';
import { allows, type Principal } from './scope.js';

/** The template of the route that serves a request: `/v1/subscriptions/:name`. */
export function routeOf(request: Request): string {
  const route: unknown = request.route;
  return isPlainObject(route) && typeof route['path'] === 'string' ? route['path'] : '';
}

const ownRoutes = /^\/v1\/subscriptions\/:name(?:\/|$)/;
const operationRoute = '/v1/operations/:id';
const serviceRoutes = /^\/v1\/services\/:service(?:\/|$)/;

/** Whoever may manage a subscription may look at it, its deliveries and its operations without the scope `read`. */
export function mayReadOwn(principal: Principal, route: string): boolean {
  return (ownRoutes.test(route) || route === operationRoute) && allows(principal, 'subscribe');
}

/** What a request touches: subscriptions and services that may exist, and topic patterns that it asks for. */
export interface Touched {
  subscriptions: string[];
  services: string[];
  topics: string[];
}

/** Reads address and body, which is not validated yet: what is of a wrong type will be refused by that. */
export function touchedBy(route: string, params: Readonly<Record<string, unknown>>, body: unknown): Touched {
  const { subscription, subscriptions, service, topics }: Record<string, unknown> = isPlainObject(body) ? body : {};
  const declared = Array.isArray(subscriptions) ? subscriptions.filter(isPlainObject) : [];
  return {
    subscriptions: [
      ...(ownRoutes.test(route) ? texts([params['name']]) : []),
      ...texts([subscription]),
      ...texts(declared.map(({ name }) => name)),
    ],
    services: [...(serviceRoutes.test(route) ? texts([params['service']]) : []), ...texts([service])],
    topics: [...patterns(topics), ...declared.flatMap((one) => patterns(one['topics']))],
  };
}

/** The id of the operation that a request names; which subscription that touches, only the database knows. */
export function operationOf(route: string, params: Readonly<Record<string, unknown>>): string | undefined {
  const { id } = params;
  return route === operationRoute && typeof id === 'string' ? id : undefined;
}

export function touchesNothing({ subscriptions, services, topics }: Touched): boolean {
  return subscriptions.length + services.length + topics.length === 0;
}

function patterns(topics: unknown): string[] {
  return Array.isArray(topics) ? texts(topics) : [];
}

/** A NUL would not even reach a comparison in Postgres, and no name has one. */
function texts(values: readonly unknown[]): string[] {
  return values.filter((value): value is string => typeof value === 'string' && !value.includes('\0'));
}
