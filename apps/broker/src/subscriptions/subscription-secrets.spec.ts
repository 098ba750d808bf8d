import { randomBytes } from 'node:crypto';
import { generateSecret, parseSecret } from '@hookcast/protocol';
import { UnsealError } from '../auth/vault.js';
import { SubscriptionSecrets } from './subscription-secrets.js';

const secrets = new SubscriptionSecrets({ encryptionKey: randomBytes(32) });
const owner = { namespace: 'default', name: 'billing' };
const now = new Date('2026-01-01T00:00:00Z');
const later = (seconds: number) => new Date(now.getTime() + seconds * 1000);
const given = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

test('a given secret is kept sealed, with a hint', () => {
  const stored = secrets.initial(owner, given, now);
  expect(JSON.stringify(stored)).not.toContain(given);
  expect(stored[0]).toMatchObject({ kind: 'hmac', hint: 'whsec_…LaSw', expiresAt: null });
  expect(secrets.current({ ...owner, secrets: stored })).toBe(given);
});

test('without one, a secret is made that signs', () => {
  const made = secrets.current({ ...owner, secrets: secrets.initial(owner, undefined, now) });
  expect(parseSecret(made).kind).toBe('hmac');
});

test('while a secret rotates both sign, until the grace of the old one ends', () => {
  const old = { ...owner, secrets: secrets.initial(owner, given, now) };
  const next = generateSecret();
  const rotated = { ...owner, secrets: secrets.rotated(old, next, { now, graceSeconds: 60 }) };
  expect(secrets.active(rotated, later(59))).toEqual([next, given]);
  expect(secrets.active(rotated, later(60))).toEqual([next]);
});

test('a second rotation does not prolong the grace of the first', () => {
  let subscription = { ...owner, secrets: secrets.initial(owner, given, now) };
  subscription = {
    ...owner,
    secrets: secrets.rotated(subscription, generateSecret(), { now, graceSeconds: 60 }),
  };
  const rotation = { now: later(30), graceSeconds: 600 };
  subscription = { ...owner, secrets: secrets.rotated(subscription, generateSecret(), rotation) };
  expect(secrets.active(subscription, later(59))).toHaveLength(3);
  expect(secrets.active(subscription, later(61))).toHaveLength(2);
});

test('never more secrets sign than receivers accept', () => {
  let subscription = { ...owner, secrets: secrets.initial(owner, given, now) };
  for (let round = 0; round < 20; round += 1) {
    const next = generateSecret();
    subscription = { ...owner, secrets: secrets.rotated(subscription, next, { now, graceSeconds: 600 }) };
  }
  expect(secrets.active(subscription, now).length).toBeLessThanOrEqual(5);
});

test('a secret does not open for another subscription', () => {
  const stored = secrets.initial(owner, given, now);
  expect(() => secrets.current({ ...owner, name: 'email', secrets: stored })).toThrow(UnsealError);
});
