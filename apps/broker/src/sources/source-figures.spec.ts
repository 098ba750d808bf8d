import { healthOf, minutesOf } from './source-figures.js';
import type { MinuteCount } from './source-records-store.js';

const now = new Date('2026-01-01T10:05:30Z');
const at = (minute: string) => new Date(`2026-01-01T10:${minute}:00Z`);
const count = (minute: string, rest: Partial<MinuteCount> = {}): MinuteCount => ({
  sourceId: 1,
  minute: at(minute),
  verdict: 'accepted',
  reason: '',
  requests: 1,
  bytes: 10,
  ...rest,
});

test('the health of a source adds up verdicts and reasons, and takes the rate from the last whole minute', () => {
  const counts = [
    count('01', { requests: 5, bytes: 500 }),
    count('04', { requests: 7 }),
    count('04', { verdict: 'refused', reason: 'too-old', requests: 2 }),
    count('05', { verdict: 'refused', reason: 'too-old', requests: 3 }),
  ];
  expect(healthOf(counts, now)).toEqual({
    requestsPerMinute: 9,
    lastHour: { accepted: 12, duplicate: 0, handshake: 0, refused: 5, failed: 0, bytes: 530 },
    reasons: { 'too-old': 5 },
  });
});

test('minutes are added up over reasons', () => {
  const refused = { verdict: 'refused', requests: 1 } as const;
  const counts = [count('01'), count('02', { ...refused, reason: 'a' }), count('02', { ...refused, reason: 'b' })];
  expect(minutesOf(counts)).toEqual([
    { minute: at('01').toISOString(), accepted: 1, duplicate: 0, handshake: 0, refused: 0, failed: 0, bytes: 10 },
    { minute: at('02').toISOString(), accepted: 0, duplicate: 0, handshake: 0, refused: 2, failed: 0, bytes: 20 },
  ]);
});
