import type { DeliveryStores } from '@hookcast/delivery';
import type { Sabotage } from './history.js';

/** Bugs that are put in on purpose, each a mistake that could be made: the judge has to notice every one of them. */
export const plantedBugs: Record<string, Sabotage> = {
  'the cursor moves past a retry that is not stored': {
    stores: (stores) => ({
      ...stores,
      settle: async (batch, options) => stores.settle(Object.assign(copyOf(batch), { retries: [] }), options),
    }),
  },
  'a dead letter is not stored': {
    stores: (stores) => ({
      ...stores,
      settle: async (batch, options) => stores.settle(Object.assign(copyOf(batch), { dead: [] }), options),
    }),
  },
  'a write is accepted although another worker owns the stream': {
    stores: (stores, database) => ({
      ...stores,
      settle: async (batch, options) => {
        const cursorRows = batch.cursorRows.map((row) => {
          const { streamId } = row.cursor.stream;
          const epoch = database.cursorsOf([streamId])[0]?.epoch ?? 0;
          const stream = Object.assign(copyOf(row.cursor.stream), { epoch });
          return { ...row, cursor: Object.assign(copyOf(row.cursor), { stream }) };
        });
        return stores.settle(Object.assign(copyOf(batch), { cursorRows }), options);
      },
    }),
  },
  'a settle that failed counts as written': {
    stores: (stores) => ({
      ...stores,
      settle: async (batch, options) =>
        stores.settle(batch, options).catch(() => new Set(batch.cursorRows.map(({ cursor }) => cursor.key))),
    }),
  },
  'a batch that is sent again carries its cursors further': {
    stores: (stores) => ({
      ...stores,
      settle: async (batch, options) => {
        if (options.isRepeated) batch.close();
        return stores.settle(batch, options);
      },
    }),
  },
  'a batch that is sent again counts twice': {
    stores: (stores, database) => ({
      ...stores,
      settle: async (batch, options) => {
        const counted = new Map(database.cursorsOf([...database.streams.keys()]).map((row) => [row, row.delivered]));
        const written = await stores.settle(batch, options);
        if (options.isRepeated) for (const [row, delivered] of counted) row.delivered += row.delivered - delivered;
        if (options.isRepeated) for (const { cursor } of batch.cursorRows) cursor.totals.delivered += 1;
        return written;
      },
    }),
  },
  'a retry is left out when there are many': {
    stores: (stores) =>
      withRetries(stores, { sweep: async (query) => (await stores.retries.sweep(query)).slice(0, -1) }),
  },
  'a retry that is due in the next moments is not read': {
    stores: (stores) =>
      withRetries(stores, {
        due: async (query) => (await stores.retries.due(query)).filter(({ at }) => at <= query.after.getTime() + 2_000),
      }),
  },
  'retries are sent before their time': {
    stores: (stores) =>
      withRetries(stores, {
        due: async (query) => (await stores.retries.due(query)).map((row) => ({ ...row, at: 1 })),
      }),
  },
  'a takeover forgets what was settled above the low-water mark': {
    stores: (stores) =>
      withClaim(stores, async (query) =>
        (await stores.ownership.claim(query)).map((claim) => ({
          ...claim,
          cursors: claim.cursors.map((row) => ({ ...row, above: '{}' })),
        })),
      ),
  },
  'a takeover begins one event too far': {
    stores: (stores) =>
      withClaim(stores, async (query) =>
        (await stores.ownership.claim(query)).map((claim) => ({
          ...claim,
          cursors: claim.cursors.map((row) => ({ ...row, settledSeq: row.settledSeq + 1 })),
        })),
      ),
  },
  'a worker goes on sending after it was silent for too long': {
    // Its lease never runs out, since for it no time passes.
    clock: (clock) => ({ now: () => clock.now(), monotonic: () => 0 }),
  },
  'a stream is read out of order': {
    stores: (stores) => ({
      ...stores,
      log: {
        ...stores.log,
        read: async (stream, after, limit) => {
          const [first, second, ...rest] = await stores.log.read(stream, after, limit);
          return [second, first, ...rest].filter((event) => event !== undefined);
        },
      },
    }),
  },
  'a change of subscriptions is not noticed': {
    stores: (stores) => {
      let first: number | undefined;
      return { ...stores, controlVersion: async () => (first ??= await stores.controlVersion()) };
    },
  },
};

/** The same object in other hands: what is set on the copy does not reach the one it was made of. */
const copyOf = <T extends object>(original: T): T => Object.create(original) as T;

const withRetries = (stores: DeliveryStores, retries: Partial<DeliveryStores['retries']>): DeliveryStores => {
  return { ...stores, retries: { ...stores.retries, ...retries } };
};

const withClaim = (stores: DeliveryStores, claim: DeliveryStores['ownership']['claim']): DeliveryStores => {
  return { ...stores, ownership: { ...stores.ownership, claim } };
};
