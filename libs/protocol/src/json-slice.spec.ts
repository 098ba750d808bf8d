import fc from 'fast-check';
import { jsonText } from '../test/arbitraries.js';
import { endOfValue, isJson, jsonError, maxJsonDepth } from './json-slice.js';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function jsonParseAccepts(bytes: Uint8Array): boolean {
  try {
    JSON.parse(utf8.decode(bytes));
    return true;
  } catch {
    return false;
  }
}

const nested = (depth: number) => Buffer.from('['.repeat(depth) + ']'.repeat(depth));

describe('the JSON scanner', () => {
  test('accepts every JSON text, however it is spelt', () => {
    fc.assert(
      fc.property(jsonText, (text) => isJson(Buffer.from(text))),
      { numRuns: 500 },
    );
  });

  test('agrees with JSON.parse on texts with a few bytes changed', () => {
    const interesting = fc.oneof(
      fc.constantFrom(...Buffer.from('{}[]",:\\0123456789.eE+-tfn/u \t\n\r')),
      fc.constantFrom(0, 0x1f, 0x7f, 0x80, 0xbf, 0xc0, 0xc2, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff),
    );
    const edit = fc.record({
      at: fc.nat(),
      remove: fc.nat({ max: 2 }),
      insert: fc.array(interesting, { maxLength: 2 }),
    });
    let accepted = 0;
    let refused = 0;
    fc.assert(
      fc.property(jsonText, fc.array(edit, { minLength: 1, maxLength: 2 }), (text, edits) => {
        const bytes = [...Buffer.from(text)];
        for (const { at, remove, insert } of edits) bytes.splice(at % (bytes.length + 1), remove, ...insert);
        const expected = jsonParseAccepts(Uint8Array.from(bytes));
        if (expected) accepted++;
        else refused++;
        expect(isJson(Uint8Array.from(bytes))).toBe(expected);
      }),
      { numRuns: 3000 },
    );
    // The mutations are only worth running while they land on both sides.
    expect(Math.min(accepted, refused)).toBeGreaterThan(100);
  });

  test('agrees with JSON.parse on short texts of nothing but JSON punctuation', () => {
    const soup = fc.array(fc.constantFrom('{', '}', '[', ']', ',', ':', '"', '"a"', '1', '-', '.', 'e', 'null', ' '), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(soup, (parts) => {
        const bytes = Buffer.from(parts.join(''));
        expect(isJson(bytes)).toBe(jsonParseAccepts(bytes));
      }),
      { numRuns: 5000 },
    );
  });

  test('agrees with JSON.parse on every byte, bare, in a string and after a backslash', () => {
    for (let byte = 0; byte < 256; byte++) {
      for (const text of [[byte], [0x22, byte, 0x22], [0x22, 0x5c, byte, 0x22], [0x31, byte], [0x5b, byte, 0x5d]]) {
        expect(isJson(Uint8Array.from(text))).toBe(jsonParseAccepts(Uint8Array.from(text)));
      }
    }
  });

  test('agrees with a strict decoder on bytes inside a string', () => {
    const byte = fc.oneof(fc.constantFrom(0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf), fc.integer({ min: 0x80, max: 0xff }));
    fc.assert(
      fc.property(fc.array(byte, { minLength: 1, maxLength: 5 }), (bytes) => {
        const text = Buffer.from([0x22, ...bytes, 0x22]);
        expect(isJson(text)).toBe(jsonParseAccepts(text));
      }),
      { numRuns: 5000 },
    );
  });

  test.each([
    '',
    ' ',
    '01',
    '-',
    '+1',
    '.5',
    '1.',
    '1.e1',
    '1e',
    '1e+',
    '0x10',
    'NaN',
    'Infinity',
    'nul',
    'nulll',
    'True',
    "'a'",
    '"a',
    '"\\"',
    '"\\u12g4"',
    '"\\u123"',
    '"\\x41"',
    '"\t"',
    '"\n"',
    '[1,]',
    '[,1]',
    '[1 2]',
    '{"a":1,}',
    '{"a"}',
    '{a:1}',
    '{"a":1 "b":2}',
    '{1:1}',
    '[1]]',
    '{}{}',
    '1 2',
    '/**/1',
    '[1]//',
    '\u00a01',
    '\ufeff{}',
  ])('refuses %j', (text) => {
    expect(jsonParseAccepts(Buffer.from(text))).toBe(false);
    expect(isJson(Buffer.from(text))).toBe(false);
  });

  test('refuses overlong, surrogate, too high and cut off UTF-8', () => {
    for (const hex of [
      'c080',
      'c1bf',
      'e08080',
      'eda080',
      'edbfbf',
      'f0808080',
      'f4908080',
      'f5808080',
      'c3',
      'e282',
    ]) {
      expect(isJson(Buffer.from(`22${hex}22`, 'hex'))).toBe(false);
    }
  });

  test('allows 128 levels and refuses the next', () => {
    expect(isJson(nested(maxJsonDepth))).toBe(true);
    expect(isJson(nested(maxJsonDepth + 1))).toBe(false);
    expect(jsonError(nested(maxJsonDepth + 1))).toBe(
      "is not JSON: unexpected '[' at byte 128 (more than 128 levels are refused)",
    );
  });

  test('answers a depth bomb instead of overflowing the stack', () => {
    expect(isJson(Buffer.alloc(4_000_000, '['))).toBe(false);
    expect(isJson(Buffer.from('{"a":'.repeat(500_000)))).toBe(false);
  });

  test('finds where a value ends and leaves the rest alone', () => {
    expect(endOfValue(Buffer.from('{"a":[1,"]}"]} , 2'), 0)).toBe(14);
    expect(endOfValue(Buffer.from('-1.5e3,'), 0)).toBe(6);
    expect(endOfValue(Buffer.from('[1,x]'), 0)).toBe(~3);
  });

  test('names the byte that is wrong', () => {
    expect(jsonError(Buffer.from('{"a":}'))).toBe("is not JSON: unexpected '}' at byte 5");
    expect(jsonError(Buffer.from('"\u0001"'))).toBe('is not JSON: unexpected byte 0x01 at byte 1');
    expect(jsonError(Buffer.from('{"a":1'))).toBe('is not JSON: it ends too soon, after 6 bytes');
    expect(jsonError(Buffer.from('\ufeff1'))).toBe('is not JSON: it starts with a byte order mark');
    expect(jsonError(Buffer.from('1'))).toBeUndefined();
  });
});
