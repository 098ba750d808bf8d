import { scopeOf, type Inbox } from './postgres-inbox.js';

/** An inbox for tests of handlers: it forgets when the process ends, and does not look at the transaction. */
export function createMemoryInbox(): Inbox {
  /** Whether the handling succeeded, by key. */
  const handlings = new Map<string, Promise<boolean>>();
  return {
    once: async (_, context, effect, { handler = '' } = {}) => {
      const key = JSON.stringify([scopeOf(context), context.id, handler]);
      // As in Postgres: waits for who has the key, and takes it when that one failed.
      for (let other = handlings.get(key); other !== undefined; other = handlings.get(key)) {
        if (await other) return { kind: 'duplicate' };
      }
      const handling = (async () => effect())();
      handlings.set(
        key,
        handling.then(
          () => true,
          () => handlings.delete(key) && false,
        ),
      );
      return { kind: 'handled', value: await handling };
    },
    createTable: async () => {},
  };
}
