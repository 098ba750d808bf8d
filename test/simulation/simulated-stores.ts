import type { DeliveryStores, SubscriptionCatalog } from '@hookcast/delivery';
import type { Link } from './link.js';
import type { SimulatedControl } from './simulated-control.js';
import { closedBatch, type SimulatedDatabase } from './simulated-database.js';

/** What a worker asks of the database, over its link. */
export function simulatedStores(
  { database, control }: { database: SimulatedDatabase; control: SimulatedControl },
  link: Link,
  workerId: string,
): DeliveryStores {
  return {
    ownership: {
      beat: async (identity, isLeaving) => link.call(() => database.beat(identity, isLeaving)),
      workers: async () => link.call(() => database.workers()),
      owned: async (owner) => link.call(() => database.owned(owner)),
      someAreFree: async () => link.call(() => database.someAreFree()),
      claim: async (query) => link.call(() => database.claim(query)),
      release: async (owner, streams) => link.call(() => database.release(owner, streams)),
      leave: async (owner) => link.call(() => database.leave(owner)),
    },
    // Nothing that was committed is ever lost here.
    timeline: { read: async () => '00000001', onDoubt: () => {} },
    log: {
      read: async ({ streamId }, after, { events }) => link.call(() => database.read(streamId, after.seq, events)),
      readAt: async (keys) => link.call(() => database.readAt(keys)),
      heads: async (streamIds) => link.call(() => database.heads(streamIds)),
    },
    retries: {
      due: async ({ after, until, ...query }) =>
        link.call(() => database.dueRetries({ ...query, after: after.getTime(), until: until.getTime() })),
      sweep: async ({ until, ...query }) =>
        link.call(() => database.sweptRetries({ ...query, until: until.getTime() })),
      // No day is dropped here, so the log has every event.
      buried: async () => link.call(() => []),
      failing: async (cursors) => link.call(() => database.failing(cursors)),
      operations: async (ids) => link.call(() => ids.map((id) => ({ id, rate: 100, isCancelled: false }))),
    },
    leaseTokens: async (request) => {
      const { received, ...leased } = await link.call(() => control.leaseTokens(workerId, request));
      received();
      return leased;
    },
    settle: async (batch, options) => {
      const closed = closedBatch(batch);
      return link.call(() => database.settle(workerId, closed, options));
    },
    adoptCursors: async (owned, subscriptionIds) => {
      if (owned.size === 0) return [];
      const epochs = new Map(owned);
      await link.call(() => database.raiseEpochs(epochs, subscriptionIds));
      return link.call(() => database.cursorsOf([...epochs.keys()], subscriptionIds).map((row) => ({ ...row })));
    },
    controlVersion: async () => link.call(() => database.version),
    suspend: async ({ id, version }) => link.call(() => database.suspend(id, version)),
    noteFirstAnswer: async ({ id }) => link.call(() => database.heard(id)),
    writeStats: async () => link.call(() => {}),
    // No history is as long as that.
    failingSince: async () => link.call(() => undefined),
    say: async (speaker, words) => link.call(() => database.say(speaker, words)),
    hear: async (listener) => link.call(() => database.hear(listener)),
    noteSlowed: async () => link.call(() => {}),
  };
}

export function simulatedCatalog(database: SimulatedDatabase, link: Link): SubscriptionCatalog {
  return {
    load: async () => link.call(() => database.catalog()),
    changes: async (since) => link.call(() => database.changes(since)),
  };
}
