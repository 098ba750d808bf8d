import { AsyncLocalStorage } from 'node:async_hooks';

/** Where `@hookcast/receiver` keeps the count while a handler runs: neither package imports the other. */
const slot = Symbol.for('hookcast.hops');

/** How many hooks lie behind what is published now: 0 outside of a handler of the receiver. */
export function currentHops(): number {
  const storage: unknown = Reflect.get(globalThis, slot);
  const hops: unknown = storage instanceof AsyncLocalStorage ? storage.getStore() : undefined;
  return typeof hops === 'number' ? hops : 0;
}
