import type { ExecutionContext } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';

/** What a handler asks for in its signature. */
export interface RouteArguments {
  body: boolean;
  /** Names of single parameters, or all of them as an object, which has its own rules. */
  query: { kind: 'names'; names: ReadonlySet<string> } | { kind: 'object' };
}

/** `RouteParamtypes` of Nest, which it does not export; keys of the metadata begin with one of them. */
const bodyKey = '3:';
const queryKey = '4:';

export function routeArguments(context: ExecutionContext): RouteArguments {
  const places: unknown = Reflect.getMetadata(ROUTE_ARGS_METADATA, context.getClass(), context.getHandler().name);
  const entries = typeof places === 'object' && places !== null ? Object.entries(places) : [];
  const names = entries.filter(([key]) => key.startsWith(queryKey)).map(([, place]) => nameOf(place));
  return {
    body: entries.some(([key]) => key.startsWith(bodyKey)),
    query: names.includes(undefined) ? { kind: 'object' } : { kind: 'names', names: new Set(names.filter(isText)) },
  };
}

function nameOf(place: unknown): string | undefined {
  const name: unknown = typeof place === 'object' && place !== null && 'data' in place ? place.data : undefined;
  return isText(name) ? name : undefined;
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
