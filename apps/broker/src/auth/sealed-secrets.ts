import type { SealedSecret } from '@hookcast/database';

/** When a secret is replaced, and how long the ones before it sign on. */
export interface Rotation {
  now: Date;
  graceSeconds: number;
}

/** Those that sign at a time, newest first: the newest always does. */
export function aliveSecrets(secrets: readonly SealedSecret[], now: Date): SealedSecret[] {
  return secrets.filter((secret, index) => index === 0 || isAlive(secret, now));
}

/** Unix ms at which the next of these secrets stops to sign; undefined when none of them rotates. */
export function nextEnd(owners: readonly { secrets: readonly SealedSecret[] }[], now: Date): number | undefined {
  const old = owners.flatMap(({ secrets }) => aliveSecrets(secrets, now).slice(1));
  const ends = old.flatMap(({ expiresAt }) => (expiresAt === null ? [] : Date.parse(expiresAt)));
  return ends.length === 0 ? undefined : ends.reduce((first, end) => Math.min(first, end));
}

/** Those before a new one, with the end of their grace; a grace that ends sooner already is not prolonged. */
export function supersededSecrets(secrets: readonly SealedSecret[], { now, graceSeconds }: Rotation): SealedSecret[] {
  const end = new Date(now.getTime() + graceSeconds * 1000).toISOString();
  return secrets
    .map((one) => ({ ...one, expiresAt: one.expiresAt !== null && one.expiresAt < end ? one.expiresAt : end }))
    .filter((one) => isAlive(one, now));
}

function isAlive({ expiresAt }: SealedSecret, now: Date): boolean {
  return expiresAt === null || Date.parse(expiresAt) > now.getTime();
}
