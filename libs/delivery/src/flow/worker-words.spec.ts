import { shareOf, urlName, wordsOf } from './worker-words.js';

test.each([
  [32, [], 32],
  [32, [32], 16],
  [32, [16], 16],
  [32, [1], 31],
  [32, [16, 16], 10],
  [32, [10, 2], 14],
  [3, [1, 1, 1], 1],
  [1, [1], 1],
])('of a ceiling of %i, beside others with %j under way, a worker has %i', (ceiling, others, share) => {
  expect(shareOf(ceiling, others)).toBe(share);
});

test('workers that listen to one another stay within the ceiling, whoever has how much to send', () => {
  for (const wanted of [
    [100, 100],
    [100, 100, 100],
    [100, 3, 100],
    [1, 100, 7, 100],
    [2, 2],
    [0, 100],
  ]) {
    let used = wanted.map((most) => Math.min(most, 32));
    for (let round = 0; round < 5; round += 1) {
      used = wanted.map((most, self) => {
        const others = used.filter((requests, other) => other !== self && requests > 0);
        return Math.min(most, shareOf(32, others));
      });
    }
    const sum = used.reduce((total, requests) => total + requests, 0);
    expect(sum).toBeLessThanOrEqual(32);
    // And hardly less, where there is more to send.
    if (wanted.some((most) => most === 100)) expect(sum).toBeGreaterThanOrEqual(29);
  }
});

const sender = (more: object = {}) => ({
  inFlight: 0,
  isActive: true,
  template: { url: 'https://hook.test/?token=secret' },
  flow: { park: undefined, upAt: 0 },
  ...more,
});
const quiet = { park: { reason: 'retry-after', until: 90_000 }, upAt: 0 };

test('says what is under way, who wants quiet and who is up again, and nothing of the others', () => {
  const senders = new Map([
    [1, sender()],
    [2, sender({ inFlight: 3 })],
    [3, sender({ flow: quiet })],
    [4, sender({ flow: { park: undefined, upAt: 55_000 } })],
    [5, sender({ flow: { park: { reason: 'failing', until: 90_000 }, upAt: 0 } })],
    [6, sender({ flow: quiet, isActive: false })],
    [7, sender({ flow: { park: { reason: 'retry-after', until: 59_000 }, upAt: 49_000 } })],
  ]);
  const url = urlName('https://hook.test/?token=secret');
  expect(url).not.toContain('secret');
  expect(wordsOf(senders, 60_000)).toEqual({
    inFlight: { 2: 3 },
    signs: { 3: { url, quietUntil: 90_000 }, 4: { url, upAt: 55_000 } },
  });
});
