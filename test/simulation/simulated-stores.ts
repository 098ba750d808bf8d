import type { DeliveryStores, SubscriptionCatalog } from '@hookcast/delivery';
import type { Link } from './link.js';
import { closedBatch, type SimulatedDatabase } from './simulated-database.js';

/** What a worker asks of the database, over its link. */
export function simulatedStores(database: SimulatedDatabase, link: Link, workerId: string): DeliveryStores {
  return {
    ownership: {
      beat: async (identity) => link.call(() => database.beat(identity)),
      workers: async (deadAfterMs) => link.call(() => database.workers(deadAfterMs)),
      owned: async (owner) => link.call(() => database.owned(owner)),
      someAreFree: async () => link.call(() => database.someAreFree()),
      claim: async (query) => link.call(() => database.claim(query)),
      release: async (owner, streamIds) => link.call(() => database.release(owner, streamIds)),
      leave: async (owner) => link.call(() => database.leave(owner)),
    },
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
      // The subscriptions here ask for no order.
      failing: async () => link.call(() => []),
      cancelledOperations: async () => link.call(() => []),
    },
    // No subscription of the simulation has a rate.
    leaseTokens: async () => link.call(() => ({ tokens: 0, waitMs: 0 })),
    settle: async (batch, options) => {
      const closed = closedBatch(batch);
      return link.call(() => database.settle(workerId, closed, options));
    },
    adoptCursors: async (owned) => {
      if (owned.size === 0) return [];
      const epochs = new Map(owned);
      await link.call(() => database.raiseEpochs(epochs));
      return link.call(() => database.cursorsOf([...epochs.keys()]).map((row) => ({ ...row })));
    },
    controlVersion: async () => link.call(() => database.version),
    suspend: async ({ id }) => link.call(() => database.suspend(id)),
    writeStats: async () => link.call(() => {}),
  };
}

export function simulatedCatalog(database: SimulatedDatabase, link: Link): SubscriptionCatalog {
  return { load: async () => link.call(() => database.catalog()) };
}
