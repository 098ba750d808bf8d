import type pg from 'pg';
import { within } from '../timing/patience.js';
import { leaseLastsMs } from './rate.js';

/** Tokens that come later are not good any more. */
const patienceMs = leaseLastsMs;
/** Milliseconds by which the clocks of two workers may differ. */
const mostSkewMs = 10_000;

export interface TokenRequest {
  subscriptionId: number;
  /** Tokens a second. */
  rate: number;
  /** Tokens that the bucket holds at most. */
  burst: number;
  now: Date;
}

/**
 * Takes whole tokens out of a subscription's bucket, as many as it holds. Index: primary key.
 *
 * Race closed: the bucket is locked before it is read, so that two workers never get the same token. A worker whose
 * clock is behind fills nothing; one that is ahead fills in advance what then nobody else does. A bucket that is ahead by
 * more than clocks may differ was filled by one that was wrong and is set right: it goes on from now, with what it holds.
 *
 * @returns the tokens, and the milliseconds until the next one
 */
export async function leaseTokens(pool: pg.Pool, request: TokenRequest): Promise<{ tokens: number; waitMs: number }> {
  const taken = (await take(pool, request)) ?? (await createBucket(pool, request));
  const { granted, left } = taken ?? { granted: 0, left: 0 };
  return { tokens: granted, waitMs: Math.ceil((Math.max(1 - left, 0) / request.rate) * 1000) };
}

interface Taken {
  granted: number;
  left: number;
}

async function take(pool: pg.Pool, { subscriptionId, rate, burst, now }: TokenRequest): Promise<Taken | undefined> {
  const taken = await pool.query<Taken>(
    within(patienceMs, {
      name: 'rate-take',
      text: /* sql */ `
        with bucket as (
          select tokens, filled_at from rate_buckets where subscription_id = $1 for update
        ), filled as (
          select least($3::float8, tokens + greatest(extract(epoch from $4::timestamptz - filled_at), 0) * $2::float8) as tokens,
                 case when filled_at > $4 + $5 * interval '1 millisecond' then $4 else greatest(filled_at, $4) end as filled_at
            from bucket
        )
        update rate_buckets b
           set tokens = f.tokens - floor(f.tokens), filled_at = f.filled_at
          from filled f where b.subscription_id = $1
        returning floor(f.tokens)::int as granted, b.tokens as left`,
      values: [subscriptionId, rate, burst, now, mostSkewMs],
    }),
  );
  return taken.rows[0];
}

/** A bucket begins full. Two that make it at the same time: the second takes from what the first left. */
async function createBucket(pool: pg.Pool, request: TokenRequest): Promise<Taken | undefined> {
  await pool.query(
    /* sql */ `
    insert into rate_buckets (subscription_id, tokens, filled_at) values ($1, $2, $3) on conflict do nothing`,
    [request.subscriptionId, request.burst, request.now],
  );
  return take(pool, request);
}

/** Drops buckets of subscriptions that are gone. */
export async function dropOrphanedBuckets(pool: pg.Pool): Promise<number> {
  const dropped = await pool.query(/* sql */ `
    delete from rate_buckets b where not exists (select 1 from subscriptions s where s.id = b.subscription_id)`);
  return dropped.rowCount ?? 0;
}
