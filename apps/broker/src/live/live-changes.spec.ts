import { liveChanges, type LiveSample } from './live-changes.js';

const sample = (rest: Partial<LiveSample> = {}): LiveSample => ({
  heads: new Map(),
  states: new Map(),
  attempts: [],
  ...rest,
});
const active = { state: 'active', reason: null };
const minute = { subscription: 's', minute: 0, delivered: 2, failed: 0, dead: 0 };

test('tells what was published, also to a topic that was not there before', () => {
  const before = sample({ heads: new Map([['a', 3]]) });
  const after = sample({
    heads: new Map([
      ['a', 5],
      ['b', 1],
      ['c', 0],
    ]),
  });
  expect(liveChanges(before, after)).toEqual([
    { kind: 'published', topic: 'a', events: 2 },
    { kind: 'published', topic: 'b', events: 1 },
  ]);
  expect(liveChanges(after, after)).toEqual([]);
});

test('adds up attempts over minutes, and forgets minutes that went out of sight', () => {
  const before = sample({ attempts: [{ ...minute, minute: -60_000, delivered: 9 }, minute] });
  const after = sample({
    attempts: [
      { ...minute, delivered: 3, failed: 1 },
      { ...minute, minute: 60_000, delivered: 4, dead: 1 },
    ],
  });
  expect(liveChanges(before, after)).toEqual([
    { kind: 'attempted', subscription: 's', delivered: 5, failed: 1, dead: 1 },
  ]);
});

test('tells of states, of what is new and of what is gone', () => {
  const before = sample({ states: new Map(['a', 'b', 'c'].map((name) => [name, active])) });
  const after = sample({
    states: new Map<string, { state: string; reason: string | null }>([
      ['a', active],
      ['b', { state: 'suspended', reason: 'gone' }],
      ['d', active],
    ]),
  });
  expect(liveChanges(before, after)).toEqual([
    { kind: 'state', subscription: 'b', from: 'active', to: 'suspended', reason: 'gone' },
    { kind: 'state', subscription: 'c', from: 'active', to: null, reason: null },
    { kind: 'state', subscription: 'd', from: null, to: 'active', reason: null },
  ]);
});
