import { failedWebSub, isRenewalDue, leasedWebSub, renewingWebSub, requestedWebSub } from './websub-state.js';

const now = new Date('2026-01-01T00:00:00Z');
const after = (seconds: number) => new Date(now.getTime() + seconds * 1000);
const asked = requestedWebSub({ topic: 'https://a.example/feed', hub: 'https://hub.example/' }, now);
const leased = leasedWebSub(asked, { kind: 'lease', mode: 'subscribe', leaseSeconds: 4000 }, now);

test('a lease is to be renewed after three quarters of it', () => {
  expect(leased).toMatchObject({ state: 'subscribed', leasedUntil: after(4000).toISOString() });
  expect(isRenewalDue(leased, after(2999))).toBe(false);
  expect(isRenewalDue(leased, after(3000))).toBe(true);
});

test('nothing is renewed that is not subscribed', () => {
  expect(isRenewalDue(asked, after(1e9))).toBe(false);
  const ended = leasedWebSub(leased, { kind: 'lease', mode: 'unsubscribe' }, now);
  expect(ended).toMatchObject({ state: 'unsubscribed', leasedUntil: null });
  expect(isRenewalDue(ended, after(1e9))).toBe(false);
});

test('a hub that names no lease is asked again as if it had given what we asked for', () => {
  const endless = leasedWebSub(asked, { kind: 'lease', mode: 'subscribe' }, now);
  expect(endless.renewAt).toBe(after(648_000).toISOString());
});

test('a renewal under way is not started twice, and one that fails is tried again before the lease ends', () => {
  const renewing = renewingWebSub(leased, after(3000));
  expect(isRenewalDue(renewing, after(3001))).toBe(false);
  expect(isRenewalDue(renewing, after(3250))).toBe(true);
  // At the end of the lease and beyond: once a minute.
  expect(isRenewalDue(renewingWebSub(leased, after(5000)), after(5059))).toBe(false);
  expect(isRenewalDue(renewingWebSub(leased, after(5000)), after(5060))).toBe(true);
});

test('a refused request fails a new subscription but not one in force', () => {
  expect(failedWebSub(asked, 'no')).toMatchObject({ state: 'failed', lastError: 'no' });
  expect(failedWebSub(leased, 'no')).toMatchObject({ state: 'subscribed', lastError: 'no' });
});
