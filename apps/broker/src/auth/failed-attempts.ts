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

/** Counts wrong keys by address: one with more than `perMinute` of them in a minute has to wait 1, 2, 4 … 60 s. */
export class FailedAttempts {
  private readonly failures = new Map<string, Failures>();

  constructor(private readonly perMinute: number) {}

  add(address: string, now = performance.now()): void {
    const known = this.failures.get(address);
    const current = known && now - known.since < windowMs ? known : { count: 0, since: now, blockedUntil: 0 };
    current.count += 1;
    const excess = current.count - this.perMinute;
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

/** Of the login form, where nothing that comes from a waiting address is looked at. */
@Injectable()
export class FailedLogins extends FailedAttempts {
  constructor(@Inject(RUNTIME) { config }: Pick<Runtime, 'config'>) {
    super(config.failedKeysPerMinute);
  }
}

/** Of the API, where a right key is let in from a waiting address too: one proxy may stand for many clients. */
@Injectable()
export class FailedKeys extends FailedAttempts {
  constructor(@Inject(RUNTIME) { config }: Pick<Runtime, 'config'>) {
    super(config.wrongKeysPerMinute);
  }
}
