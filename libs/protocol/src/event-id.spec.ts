import fc from 'fast-check';
import { anyText } from '../test/arbitraries.js';
import { isEventId, uuidv7 } from './event-id.js';

/** Far enough ahead that the process has not counted there yet. */
const start = Date.UTC(2100, 0, 1);

describe('an event id', () => {
  test('is 1 to 128 visible ASCII characters', () => {
    fc.assert(
      fc.property(fc.oneof(anyText(140), fc.stringMatching(/^[\x21-\x7e]{1,140}$/)), (text) => {
        const isVisible = Buffer.from(text).every((byte) => byte > 0x20 && byte < 0x7f);
        expect(isEventId(text)).toBe(isVisible && text.length >= 1 && text.length <= 128);
      }),
    );
    expect(isEventId('x'.repeat(128))).toBe(true);
    expect(['', 'x'.repeat(129), 'a b', 'é', 'a\n'].some(isEventId)).toBe(false);
  });
});

describe('uuidv7', () => {
  test('holds the time, the version and the variant', () => {
    const id = uuidv7(start);
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(start);
    expect(isEventId(id)).toBe(true);
  });

  test('gives ids that sort in the order they were made, also within a millisecond', () => {
    const ids = Array.from({ length: 50_000 }, (_, index) => uuidv7(start + 1 + Math.floor(index / 20_000)));
    expect(ids.toSorted()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('keeps the order over a small step back of the clock and follows a large one', () => {
    const before = uuidv7(start + 100_000);
    const stepped = uuidv7(start + 95_000);
    expect(stepped > before).toBe(true);
    const yesterday = uuidv7(start - 86_400_000);
    expect(Number.parseInt(yesterday.replaceAll('-', '').slice(0, 12), 16)).toBe(start - 86_400_000);
  });

  test('differs between processes that start in the same millisecond', () => {
    const tails = Array.from({ length: 1000 }, (_, index) => uuidv7(start + 1_000_000 + index).slice(14));
    expect(new Set(tails).size).toBe(tails.length);
  });
});
