import type { ServerResponse } from 'node:http';
import { performance } from 'node:perf_hooks';
import { Inject, Injectable } from '@nestjs/common';
import { Problem } from '../http/problem.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import { operator } from './authenticator.js';
import type { Principal } from './scope.js';
import { TokenBucket, type Quota } from './token-bucket.js';

/** Keys with a bucket. The one that was made first goes first, which gives its key a fresh burst and no more. */
const maxBuckets = 10_000;

/**
 * How many requests each key may make: its share of this process, since asking the others would cost more than the
 * request. With the header fields of draft-ietf-httpapi-ratelimit-headers.
 */
@Injectable()
export class KeyQuota {
  private readonly quota: Quota;
  private readonly policy: string;
  private readonly buckets = new Map<string, TokenBucket>();

  constructor(@Inject(RUNTIME) { config }: Pick<Runtime, 'config'>) {
    this.quota = { perSecond: config.keyRequestsPerSecond, burst: config.keyBurst };
    // The quota holds for the time in which an empty bucket fills.
    const window = Math.max(1, Math.ceil(this.quota.burst / Math.max(1, this.quota.perSecond)));
    this.policy = `"key";q=${this.quota.burst};w=${window}`;
  }

  /** Counts a request of the key. @throws Problem over-quota */
  take({ keyId }: Principal, response: ServerResponse): void {
    if (this.quota.perSecond === 0 || keyId === operator.keyId) return;
    const bucket = this.bucketOf(keyId);
    const taken = bucket.take(performance.now());
    const state = `"key";r=${bucket.left};t=${bucket.secondsToFull}`;
    response.setHeader('RateLimit-Policy', this.policy);
    response.setHeader('RateLimit', state);
    if (!taken) throw new Problem('over-quota', { headers: { 'retry-after': String(bucket.secondsToNext) } });
  }

  private bucketOf(keyId: string): TokenBucket {
    const known = this.buckets.get(keyId);
    if (known) return known;
    const oldest = this.buckets.size >= maxBuckets ? this.buckets.keys().next().value : undefined;
    if (oldest !== undefined) this.buckets.delete(oldest);
    const bucket = new TokenBucket(this.quota, performance.now());
    this.buckets.set(keyId, bucket);
    return bucket;
  }
}
