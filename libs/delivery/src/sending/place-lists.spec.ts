import { formatAttempts, formatPositions, maxListBytes, type LogPlace } from '@hookcast/protocol';
import fc from 'fast-check';
import { PlaceLists } from './place-lists.js';

interface Told extends LogPlace {
  attempt: number;
}

/** The events that a batch takes of these, as they stand in its request. */
function taken(events: readonly Told[]): Told[] {
  const lists = new PlaceLists();
  const batch: Told[] = [];
  for (const event of events) {
    if (!lists.hasRoomFor(event, event.attempt)) break;
    lists.add(event, event.attempt);
    batch.push(event);
  }
  return batch.toSorted((one, other) => one.streamId - other.streamId);
}

const positionsOf = (batch: readonly Told[]) => formatPositions(batch);
const attemptsOf = (batch: readonly Told[]) => formatAttempts(batch.map(({ attempt }) => attempt));

test('whatever a batch takes, both lists fit into a header', () => {
  const event = fc.record({
    streamId: fc.integer({ min: 1, max: 40 }),
    seq: fc.oneof(fc.integer({ min: 1, max: 3_000 }), fc.integer({ min: 1, max: 2 ** 50 })),
    attempt: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 100_000 })),
  });
  fc.assert(
    fc.property(fc.array(event, { minLength: 1, maxLength: 1_000, size: 'max' }), (events) => {
      const batch = taken(events);
      expect(batch.length).toBeGreaterThan(0);
      expect(positionsOf(batch)).toBeDefined();
      expect(attemptsOf(batch)).toBeDefined();
    }),
    { numRuns: 60 },
  );
});

const numbered = (count: number, told: (index: number) => Told) => Array.from({ length: count }, (_, at) => told(at));

test.each([
  ['stand together', (at: number) => ({ streamId: 7, seq: 1_000_000 + at, attempt: 1 })],
  ['lie up to 999 apart', (at: number) => ({ streamId: 7, seq: 1_000_000 + 999 * at, attempt: 2 + (at % 2) })],
  ['come from many streams', (at: number) => ({ streamId: at % 200, seq: 1_000 + Math.floor(at / 200), attempt: 1 })],
])('a thousand events that %s are one batch', (_, told) => {
  expect(taken(numbered(1_000, told))).toHaveLength(1_000);
});

test('a batch of scattered events ends where its list is full, and not much sooner', () => {
  const batch = taken(numbered(1_000, (at) => ({ streamId: 7, seq: 1_000_000 + 10_007 * at, attempt: 1 })));
  expect(batch.length).toBeLessThan(1_000);
  expect(batch.length).toBeGreaterThan(maxListBytes / 7);
});
