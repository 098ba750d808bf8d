import { performance } from 'node:perf_hooks';
import { Inject, Injectable } from '@nestjs/common';
import { Problem } from '../http/problem.js';
import { RUNTIME, type Runtime } from '../runtime.js';

const windowMs = 60_000;
const longestMs = 60_000;
/** Addresses in memory; the one that was seen first goes first. */
const maxAddresses = 10_000;

interface Failures {
  count: number;
  since: number;
  blockedUntil: number;
}

/**
 * Slows down whoever tries keys: from an address with too many failures in a minute, nothing is looked at for 1, 2, 4 …
 * 60 s. Whoever has a right key and does not come through the login form is never held up.
 */
@Injectable()
export class FailedAttempts {
  private readonly failures = new Map<string, Failures>();

  constructor(@Inject(RUNTIME) private readonly runtime: Pick<Runtime, 'config'>) {}

  add(address: string, now = performance.now()): void {
    const known = this.failures.get(address);
    const current = known && now - known.since < windowMs ? known : { count: 0, since: now, blockedUntil: 0 };
    current.count += 1;
    const excess = current.count - this.runtime.config.failedKeysPerMinute;
    if (excess > 0) {
      current.blockedUntil = now + Math.min(longestMs, 1000 * 2 ** (excess - 1));
      // Trying on keeps the count from starting anew.
      current.since = now;
    }
    const oldest = !known && this.failures.size >= maxAddresses ? this.failures.keys().next().value : undefined;
    if (oldest !== undefined) this.failures.delete(oldest);
    this.failures.set(address, current);
  }

  /** The refusal of an address that has to wait. */
  refusal(address: string, now = performance.now()): Problem | undefined {
    const waitMs = (this.failures.get(address)?.blockedUntil ?? 0) - now;
    if (waitMs <= 0) return undefined;
    return new Problem('too-many-failures', { headers: { 'retry-after': String(Math.ceil(waitMs / 1000)) } });
  }
}
