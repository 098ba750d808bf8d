import { RequestMethod, type Type } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { ModulesContainer } from '@nestjs/core';
import { getMetadataStorage } from 'class-validator';
import { scopeMetadata } from '../../apps/broker/src/auth/scope.js';
import { ReadsOwnBody } from '../../apps/broker/src/http/json-body.interceptor.js';

/** A method of a controller that Nest makes a route of. */
export interface Handler {
  name: string;
  controller: Type;
  method: string;
  scope: unknown;
}

/** Every one of the running program. */
export function handlersOf(app: { get(token: typeof ModulesContainer): ModulesContainer }): Handler[] {
  const modules = [...app.get(ModulesContainer).values()];
  return modules.flatMap((module) =>
    [...module.controllers.values()].flatMap(({ metatype }) =>
      typeof metatype === 'function' ? handlersIn(metatype as Type) : [],
    ),
  );
}

export function handlersIn(controller: Type): Handler[] {
  const prototype = controller.prototype as Record<string, unknown>;
  return Object.getOwnPropertyNames(prototype)
    .filter((name) => name !== 'constructor' && typeof prototype[name] === 'function')
    .filter((name) => Reflect.getMetadata('path', prototype[name] as object) !== undefined)
    .map((method) => ({
      name: `${controller.name}.${method}`,
      controller,
      method,
      scope:
        Reflect.getMetadata(scopeMetadata, prototype[method] as object) ??
        (Reflect.getMetadata(scopeMetadata, controller) as unknown),
    }));
}

/** `RouteParamtypes` of Nest, which it does not export. */
const [wholeBody, wholeQuery] = [3, 4];
const withBody = new Set([RequestMethod.POST, RequestMethod.PUT, RequestMethod.PATCH]);

/**
 * What the validation pipe could not check about a handler: it checks parameters whose type is a class with rules and
 * lets all others through as they are. Undefined when there is nothing.
 */
export function uncheckedInput({ controller, method }: Handler): string | undefined {
  const handler = (controller.prototype as Record<string, object>)[method] ?? {};
  const types = (Reflect.getMetadata('design:paramtypes', controller.prototype as object, method) ?? []) as unknown[];
  const places = Object.entries(
    (Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, method) ?? {}) as Record<
      string,
      { index: number; data?: unknown }
    >,
  ).map(([key, { index, data }]) => ({ kind: Number(key.split(':')[0]), type: types[index], data }));
  const bodies = places.filter(({ kind }) => kind === wholeBody);
  const queries = places.filter(({ kind, data }) => kind === wholeQuery && data === undefined);
  for (const { type, data } of [...bodies, ...queries]) {
    if (data !== undefined) return 'takes a field of the body past its class';
    if (!hasRules(type)) return `takes input of the type ${typeof type === 'function' ? type.name : 'unknown'}`;
  }
  const readsItself = Reflect.getMetadata(ReadsOwnBody.KEY, handler) === true;
  return readsItself && bodies.length > 0 ? 'reads its body and has it parsed' : undefined;
}

/** A method that changes something and looks at no body, by its name. */
export function takesNoBody({ controller, method }: Handler): boolean {
  const handler = (controller.prototype as Record<string, object>)[method] ?? {};
  const verb = Reflect.getMetadata('method', handler) as RequestMethod;
  const places = Object.keys((Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, method) ?? {}) as object);
  const isRead = places.some((key) => Number(key.split(':')[0]) === wholeBody);
  return withBody.has(verb) && !isRead && Reflect.getMetadata(ReadsOwnBody.KEY, handler) !== true;
}

function hasRules(type: unknown): boolean {
  return (
    typeof type === 'function' &&
    getMetadataStorage().getTargetValidationMetadatas(type, type.name, true, false).length > 0
  );
}
