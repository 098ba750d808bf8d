import { deadAfterMs, livenessOf } from './live-workers.js';
import type { WorkerRow } from './ownership-store.js';

const self = { workerId: 'me', host: 'here', pid: 1, startedAt: new Date(1000) };
const other = (change: Partial<WorkerRow>): WorkerRow => ({
  workerId: 'other',
  host: 'here',
  pid: 2,
  startedAt: new Date(500),
  silentMs: 1_000,
  isLeaving: false,
  ...change,
});

test.each<[string, WorkerRow, boolean, 'live' | 'dead' | 'silent' | 'leaving']>([
  ['a process of this host that runs is alive', other({}), true, 'live'],
  ['a process of this host that is gone is dead at once', other({}), false, 'dead'],
  ['an older holder of our own pid is dead at once', other({ pid: 1 }), true, 'dead'],
  ['a pid of another host says nothing', other({ host: 'there' }), false, 'live'],
  ['our pid on another host says nothing', other({ host: 'there', pid: 1 }), true, 'live'],
  ['a worker that takes leave does not share the streams, nor is it dead', other({ isLeaving: true }), true, 'leaving'],
  [
    'a silent worker does not share the streams, nor is it known to be dead',
    other({ silentMs: deadAfterMs }),
    true,
    'silent',
  ],
])('%s', (_name, worker, isAlive, expected) => {
  const { live, dead } = livenessOf(self, [worker], () => isAlive);
  expect(live).toEqual(expected === 'live' ? ['me', 'other'] : ['me']);
  expect(dead).toEqual(expected === 'dead' ? ['other'] : []);
});

test('a worker is alive to itself, however its own row looks', () => {
  expect(livenessOf(self, [], () => false).live).toEqual(['me']);
  const silent = { ...self, silentMs: deadAfterMs, isLeaving: false };
  expect(livenessOf(self, [silent], () => false)).toMatchObject({ live: ['me'], dead: [] });
});

test('knows when the most silent of the others will count as dead', () => {
  const others = [
    other({ workerId: 'a', silentMs: 500 }),
    other({ workerId: 'b', host: 'there', silentMs: deadAfterMs - 700, isLeaving: true }),
    other({ workerId: 'c', silentMs: deadAfterMs + 1 }),
  ];
  expect(livenessOf(self, others, () => true).nextDeathMs).toBe(700);
  expect(livenessOf(self, [], () => true).nextDeathMs).toBe(Number.POSITIVE_INFINITY);
});
