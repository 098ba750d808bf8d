import { livenessOf } from './live-workers.js';
import type { WorkerRow } from './ownership-store.js';

const self = { workerId: 'me', host: 'here', pid: 1, startedAt: new Date(1000) };
const other = (change: Partial<WorkerRow>): WorkerRow => ({
  workerId: 'other',
  host: 'here',
  pid: 2,
  startedAt: new Date(500),
  isFresh: true,
  ...change,
});

test.each<[string, WorkerRow, boolean, 'live' | 'dead' | 'silent']>([
  ['a process of this host that runs is alive', other({}), true, 'live'],
  ['a process of this host that is gone is dead at once', other({}), false, 'dead'],
  ['an older holder of our own pid is dead at once', other({ pid: 1 }), true, 'dead'],
  ['a pid of another host says nothing', other({ host: 'there' }), false, 'live'],
  ['our pid on another host says nothing', other({ host: 'there', pid: 1 }), true, 'live'],
  ['a silent worker does not share the streams, nor is it known to be dead', other({ isFresh: false }), true, 'silent'],
])('%s', (_name, worker, isAlive, expected) => {
  const { live, dead } = livenessOf(self, [worker], () => isAlive);
  expect(live).toEqual(expected === 'live' ? ['me', 'other'] : ['me']);
  expect(dead).toEqual(expected === 'dead' ? ['other'] : []);
});

test('a worker is alive to itself, however its own row looks', () => {
  expect(livenessOf(self, [], () => false).live).toEqual(['me']);
  expect(livenessOf(self, [{ ...self, isFresh: false }], () => false)).toEqual({ live: ['me'], dead: [] });
});
