import fc from 'fast-check';
import {
  cursorState,
  follower,
  hookEvent as event,
  ownedStream as stream,
} from '../../../../test/support/stream-parts.js';
import { StreamCursor, type CursorState, type OwnedStream } from './owned-stream.js';

const events = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => event(from + index));

let ids = 0;
const cursor = (of: OwnedStream, state: Partial<CursorState> = {}) => {
  ids += 1;
  const made = new StreamCursor(of, follower(ids), { ...cursorState(), ...state });
  of.cursors.set(ids, made);
  return made;
};
const takeAll = (from: StreamCursor) => {
  const seqs: number[] = [];
  for (let next = from.take(); next !== undefined; next = from.take()) seqs.push(next.seq);
  return seqs;
};

test('cursors at the same place share one feed', () => {
  const owned = stream();
  const [a, b] = [cursor(owned, { settledSeq: 5 }), cursor(owned, { settledSeq: 5 })];
  expect(owned.follow(a)).toBe(owned.tail);
  expect(owned.follow(b)).toBe(owned.tail);
  owned.tail.buffer.append(events(6, 8));
  expect(takeAll(a)).toEqual([6, 7, 8]);
  expect(takeAll(b)).toEqual([6, 7, 8]);
});

test('a cursor that is behind reads on its own until it has caught up', () => {
  const owned = stream();
  owned.follow(cursor(owned, { settledSeq: 100 }));
  const behind = cursor(owned, { settledSeq: 97 });
  const own = owned.follow(behind);
  expect(own).not.toBe(owned.tail);
  own.buffer.append(events(98, 100));
  expect(takeAll(behind)).toEqual([98, 99, 100]);
  expect(owned.follow(behind)).toBe(owned.tail);
});

test('what was settled beyond the mark before is not taken again', () => {
  const owned = stream();
  const one = cursor(owned, { settledSeq: 2, above: '{[4,6),[8,9)}' });
  owned.follow(one);
  owned.tail.buffer.append(events(3, 9));
  expect(takeAll(one)).toEqual([3, 6, 7, 9]);
});

test('positions that are gone with their day count as settled', () => {
  const owned = stream();
  const one = cursor(owned, { settledSeq: 2 });
  owned.follow(one);
  owned.tail.buffer.append(events(6, 6));
  expect(takeAll(one)).toEqual([6]);
  expect(one.settled.low).toBe(5);
});

test('trimming forgets only what every follower has passed', () => {
  const owned = stream();
  const [fast, slow] = [cursor(owned), cursor(owned)];
  owned.follow(fast);
  owned.follow(slow);
  owned.tail.buffer.append(events(1, 10));
  takeAll(fast);
  slow.take();
  owned.tail.trim();
  expect(owned.tail.buffer.size).toBe(9);
  expect(owned.tail.buffer.bytes).toBe(9 * event(1).bytes);
  expect(takeAll(slow)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

const length = 60;

/** A stream of 60 events with three cursors, and what each has seen so far. */
class Model {
  readonly owned = stream();
  readonly cursors: StreamCursor[];
  readonly seen: number[][];

  constructor(private readonly starts: number[]) {
    this.owned.head = length;
    this.cursors = starts.map((settledSeq) => cursor(this.owned, { settledSeq, settledAt: settledSeq * 10 }));
    this.seen = starts.map(() => []);
    for (const one of this.cursors) this.owned.follow(one);
  }

  readonly steps: Record<string, (one: StreamCursor, index: number) => void> = {
    read: ({ feed }) => feed?.buffer.append(events(feed.buffer.endSeq + 1, Math.min(feed.buffer.endSeq + 5, length))),
    take: (one, index) => {
      const next = one.take();
      if (next) this.seen[index]?.push(next.seq);
    },
    trim: ({ feed }) => feed?.trim(),
    separate: (one) => one.feed && this.owned.separate(one),
    follow: (one) => this.owned.follow(one),
    leave: (one) => this.owned.unfollow(one),
  };

  step(name: string, index: number): void {
    const one = this.cursors[index];
    if (one) this.steps[name]?.(one, index);
  }

  /** Reads and takes until nothing more comes. */
  finish(index: number): void {
    this.step('follow', index);
    for (let round = 0; round < 2 * length; round += 1) {
      if (!this.cursors[index]?.hasNext) this.step('read', index);
      this.step('take', index);
    }
  }

  expected(index: number): number[] {
    const start = this.starts[index] ?? 0;
    return Array.from({ length: length - start }, (_, offset) => start + 1 + offset);
  }
}

test('whatever order of reads, trims, separations and takes: every cursor sees every event once, in order', () => {
  const step = fc.tuple(fc.constantFrom('read', 'take', 'trim', 'separate', 'follow', 'leave'), fc.nat({ max: 2 }));
  const starts = fc.array(fc.nat({ max: 5 }), { minLength: 3, maxLength: 3 });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), starts, (steps, places) => {
      const model = new Model(places);
      for (const [name, index] of steps) model.step(name, index);
      for (const index of places.keys()) {
        model.finish(index);
        expect(model.seen[index]).toEqual(model.expected(index));
      }
    }),
  );
});
