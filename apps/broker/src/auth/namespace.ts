import { AsyncLocalStorage } from 'node:async_hooks';
import { Problem } from '../http/problem.js';

/** Where keys, topics and all the rest are when nobody says otherwise; the operator's. */
export const defaultNamespace = 'default';

/** Whose work this is. Undefined is the broker itself, which rules every namespace. */
interface WorkScope {
  namespace: string | undefined;
}

const scopes = new AsyncLocalStorage<WorkScope>();

/**
 * The namespace that the caller of this request is confined to. Whatever is found, made or listed for a caller is
 * found, made or listed here.
 *
 * @throws when the work belongs to no caller: a loop, a lane or a shared cache has to say `inNamespace`
 */
export function callerNamespace(): string {
  const namespace = confinement();
  if (namespace === undefined) throw new Error('This work belongs to no namespace.');
  return namespace;
}

/** The namespace that statements of this work are confined to; undefined for the broker itself. */
export function confinement(): string | undefined {
  return scopes.getStore()?.namespace;
}

/** Everything that `work` starts is done for the namespace. */
export function inNamespace<T>(namespace: string, work: () => T): T {
  return scopes.run({ namespace }, work);
}

/** Everything that `work` starts is the broker's own: loading what all requests share, writing what it collected. */
export function asBroker<T>(work: () => T): T {
  return scopes.run({ namespace: undefined }, work);
}

/** Opens a request, whose caller is not known yet. */
export function enterRequest<T>(work: () => T): T {
  return asBroker(work);
}

/** From here on the open request is confined. */
export function confineRequest(namespace: string): void {
  const scope = scopes.getStore();
  if (!scope) throw new Error('No request is open.');
  scope.namespace = namespace;
}

/**
 * For what concerns the whole broker: only keys of the default namespace, which is the operator's, may go on.
 *
 * @throws Problem forbidden
 */
export function refuseTenants(): void {
  if (callerNamespace() === defaultNamespace) return;
  throw new Problem('forbidden', { detail: `This is for keys of the namespace "${defaultNamespace}".` });
}
