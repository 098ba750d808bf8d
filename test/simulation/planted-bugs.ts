import type { DeliveryStores } from '@hookcast/delivery';
import { StreamDrain } from '../../libs/delivery/src/ownership/stream-drain.js';
import { OrderGate } from '../../libs/delivery/src/order/order-gate.js';
import type { StoredRetry } from '../../libs/delivery/src/retries/retry-store.js';
import type { SettleBatch } from '../../libs/delivery/src/settling/settle-batch.js';
import type { Sabotage } from './history.js';
import type { CursorRow } from './simulated-database.js';

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
    stores: (stores, database) => {
      const { isNext } = database;
      database.isOf = (row, { moves }): row is CursorRow => row?.moves === moves;
      database.isNext = (row, written) => row.epoch !== written.epoch || isNext(row, written);
      return stores;
    },
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
        if (options.isRepeated) carryFurther(batch);
        return stores.settle(batch, options);
      },
    }),
  },
  'a settle that arrives after later ones is written': {
    stores: (stores, database) => {
      database.isNext = (row, { settleNo }) => row.settleNo !== settleNo;
      return stores;
    },
  },
  'a batch that is sent again counts twice': {
    stores: (stores, database) => ({
      ...stores,
      settle: async (batch, options) => {
        const counted = new Map(database.cursorsOf([...database.streams.keys()]).map((row) => [row, row.delivered]));
        const written = await stores.settle(batch, options);
        if (options.isRepeated) for (const [row, delivered] of counted) row.delivered += row.delivered - delivered;
        if (options.isRepeated) for (const { cursor } of batch.cursorRows) cursor.count('delivered');
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
  'a takeover forgets which keys fail': {
    stores: (stores) => withRetries(stores, { failing: async () => [] }),
  },
  'results for the events of a batch are not read': {
    client: (client) => ({
      post: async (request) => {
        const response = await client.post(request);
        return response.kind === 'answered' ? { ...response, body: Buffer.alloc(0) } : response;
      },
    }),
  },
  'tokens are leased without a look at the bucket': {
    stores: (stores) => ({ ...stores, leaseTokens: async ({ burst }) => ({ tokens: Math.ceil(burst), waitMs: 0 }) }),
  },
  'tokens are used that were leased the time before': {
    stores: (stores) => {
      let kept = { tokens: 0, waitMs: 0 };
      return {
        ...stores,
        leaseTokens: async (request) => {
          const { tokens, waitMs } = await stores.leaseTokens(request);
          const given = { tokens: kept.tokens, waitMs };
          kept = { tokens, waitMs };
          return given;
        },
      };
    },
  },
  'a settle is written although its cursor was moved meanwhile': {
    stores: (stores, database) => {
      database.isOf = (row, { epoch }): row is CursorRow => row?.epoch === epoch;
      return stores;
    },
  },
  'a stream is given away while requests from it are under way': {
    code: () => withMethod(StreamDrain.prototype, 'run', async () => true),
  },
  'what begins again does not wait for what is under way of its line': {
    code: () => withMethod(OrderGate.prototype, 'succeed', () => {}),
  },
  'what is asked for again is not found': {
    stores: (stores) =>
      withRetries(stores, { due: async (query) => (await stores.retries.due(query)).filter(({ at }) => at > 0) }),
  },
  'what is asked for again is counted like what comes for the first time': {
    stores: (stores) => {
      const asFirst = (row: StoredRetry) => ({ ...row, isRepeat: false });
      return withRetries(stores, {
        due: async (query) => (await stores.retries.due(query)).map(asFirst),
        sweep: async (query) => (await stores.retries.sweep(query)).map(asFirst),
      });
    },
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

/** Its cursors as they are now, under the number of the settle that was sent before. */
function carryFurther(batch: SettleBatch): void {
  const numbers = new Map(batch.cursorRows.map(({ cursor, settleNo }) => [cursor, settleNo]));
  batch.close();
  for (const [cursor, settleNo] of numbers) cursor.settleNo = settleNo;
  batch.cursorRows = batch.cursorRows.map((row) => ({ ...row, settleNo: row.cursor.settleNo }));
}

/** The class has another method until it is given back its own. */
function withMethod<T extends object, K extends keyof T>(prototype: T, name: K, method: T[K]): () => void {
  const original = prototype[name];
  prototype[name] = method;
  return () => {
    prototype[name] = original;
  };
}

const withRetries = (stores: DeliveryStores, retries: Partial<DeliveryStores['retries']>): DeliveryStores => {
  return { ...stores, retries: { ...stores.retries, ...retries } };
};

const withClaim = (stores: DeliveryStores, claim: DeliveryStores['ownership']['claim']): DeliveryStores => {
  return { ...stores, ownership: { ...stores.ownership, claim } };
};
