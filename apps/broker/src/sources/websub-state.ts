import type { WebSubSubscription } from '@hookcast/database';
import { webSubRenewalAt, type FollowUp } from '@hookcast/sources';

/** Where a hub does not say how long a lease is, we ask again as if it were what we asked for. */
const assumedLeaseSeconds = 864_000;
/** A renewal that failed is tried again after this long, or after a quarter of what is left of the lease. */
const shortestRetryMs = 60_000;

export function requestedWebSub(target: { topic: string; hub: string }, now: Date): WebSubSubscription {
  return {
    state: 'subscribing',
    ...target,
    requestedAt: now.toISOString(),
    leasedUntil: null,
    renewAt: null,
    lastError: null,
  };
}

/** After the hub verified our intent. */
export function leasedWebSub(
  websub: WebSubSubscription,
  lease: Extract<FollowUp, { kind: 'lease' }>,
  now: Date,
): WebSubSubscription {
  if (lease.mode === 'unsubscribe') {
    return { ...websub, state: 'unsubscribed', leasedUntil: null, renewAt: null, lastError: null };
  }
  const seconds = lease.leaseSeconds ?? assumedLeaseSeconds;
  return {
    ...websub,
    state: 'subscribed',
    leasedUntil: new Date(now.getTime() + seconds * 1000).toISOString(),
    renewAt: webSubRenewalAt(now, seconds).toISOString(),
    lastError: null,
  };
}

export function deniedWebSub(reason: string): string {
  return `denied: ${reason.slice(0, 200).replaceAll(/[\p{Cc}\p{Cs}]/gu, '\uFFFD')}`;
}

export function failedWebSub(websub: WebSubSubscription, lastError: string): WebSubSubscription {
  return { ...websub, state: websub.state === 'subscribing' ? 'failed' : websub.state, lastError };
}

export function isRenewalDue({ state, renewAt }: WebSubSubscription, now: Date): boolean {
  return state === 'subscribed' && renewAt !== null && new Date(renewAt) <= now;
}

/** Claims a renewal: whoever reads the row now waits until this attempt has had its chance. */
export function renewingWebSub(websub: WebSubSubscription, now: Date): WebSubSubscription {
  const left = websub.leasedUntil === null ? 0 : new Date(websub.leasedUntil).getTime() - now.getTime();
  const retryAt = new Date(now.getTime() + Math.max(shortestRetryMs, left / 4));
  return { ...websub, requestedAt: now.toISOString(), renewAt: retryAt.toISOString() };
}
