import { AsyncLocalStorage } from 'node:async_hooks';

/** Where `@hookcast/publisher` looks: under a name of the whole process, since neither package imports the other. */
const slot = Symbol.for('hookcast.hops');

/**
 * Runs a handler so that whatever the publisher of this process publishes in it, also later, counts as caused by an
 * event that went through so many hooks. The broker ends circles of services by that count.
 */
export async function atHops<T>(hops: number, handle: () => Promise<T>): Promise<T> {
  return storage().run(hops, handle);
}

function storage(): AsyncLocalStorage<unknown> {
  const found: unknown = Reflect.get(globalThis, slot);
  if (found instanceof AsyncLocalStorage) return found;
  const made = new AsyncLocalStorage<unknown>();
  Reflect.set(globalThis, slot, made);
  return made;
}
