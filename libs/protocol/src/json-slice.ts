import { endOfSequence } from './utf8.js';

/*
 * A validating JSON scanner over bytes (RFC 8259, UTF-8 only). It finds where values end without building them, so that
 * an event's data can be cut out of a request byte for byte. Every `endOf…` function returns the offset after what it
 * read, or the complement `~offset` (negative) of the byte where the text stops being JSON.
 */

/** Deeper nesting is refused: the scanner and most readers of the data recurse. */
export const maxJsonDepth = 128;

export const byteOf = {
  quote: 0x22,
  comma: 0x2c,
  minus: 0x2d,
  dot: 0x2e,
  zero: 0x30,
  nine: 0x39,
  colon: 0x3a,
  openBracket: 0x5b,
  backslash: 0x5c,
  closeBracket: 0x5d,
  openBrace: 0x7b,
  closeBrace: 0x7d,
} as const;

/** 1 for the bytes that stand for themselves in a string: printable ASCII but `"` and `\`. */
const isPlain = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x20 && byte < 0x7f && byte !== byteOf.quote && byte !== byteOf.backslash ? 1 : 0,
);

const literals = { true: Buffer.from('true'), false: Buffer.from('false'), null: Buffer.from('null') };

/** The offset of the first byte at or after `at` that is not JSON white space. */
export function skipSpace(bytes: Uint8Array, at: number): number {
  let end = at;
  while (isSpace(bytes[end])) end++;
  return end;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** The offset of the first byte at or after `at` that is not plain printable ASCII, or is a quote or backslash. */
export function endOfPlain(bytes: Uint8Array, at: number): number {
  const length = bytes.length;
  let end = at;
  while (end < length && isPlain[bytes[end] ?? 0] === 1) end++;
  return end;
}

/** @param at offset of the opening quote */
export function endOfString(bytes: Uint8Array, at: number): number {
  let end = endOfPlain(bytes, at + 1);
  while (bytes[end] !== byteOf.quote) {
    const next = endOfSpecial(bytes, end);
    if (next < 0) return next;
    end = endOfPlain(bytes, next);
  }
  return end + 1;
}

/** Reads an escape, a multi-byte character or DEL, which JSON allows bare. */
function endOfSpecial(bytes: Uint8Array, at: number): number {
  const byte = bytes[at] ?? 0;
  if (byte === byteOf.backslash) return endOfEscape(bytes, at);
  if (byte === 0x7f) return at + 1;
  if (byte < 0x80) return ~at;
  const end = endOfSequence(bytes, at);
  return end < 0 ? ~at : end;
}

function endOfEscape(bytes: Uint8Array, at: number): number {
  const letter = bytes[at + 1] ?? 0;
  if (letter === 0x75) {
    for (let digit = at + 2; digit < at + 6; digit++) if (!isHex(bytes[digit] ?? 0)) return ~digit;
    return at + 6;
  }
  return simpleEscapes.includes(letter) ? at + 2 : ~(at + 1);
}

const simpleEscapes = Buffer.from('"\\/bfnrt');

function isHex(byte: number): boolean {
  const lower = byte | 0x20;
  return isDigit(byte) || (lower >= 0x61 && lower <= 0x66);
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= byteOf.zero && byte <= byteOf.nine;
}

function endOfNumber(bytes: Uint8Array, at: number): number {
  let end = bytes[at] === byteOf.minus ? at + 1 : at;
  end = bytes[end] === byteOf.zero ? end + 1 : endOfDigits(bytes, end);
  if (end >= 0 && bytes[end] === byteOf.dot) end = endOfDigits(bytes, end + 1);
  if (end >= 0 && ((bytes[end] ?? 0) | 0x20) === 0x65) {
    const sign = bytes[end + 1];
    end = endOfDigits(bytes, sign === 0x2b || sign === byteOf.minus ? end + 2 : end + 1);
  }
  return end;
}

function endOfDigits(bytes: Uint8Array, at: number): number {
  let end = at;
  while (isDigit(bytes[end])) end++;
  return end > at ? end : ~at;
}

function endOfLiteral(bytes: Uint8Array, at: number, literal: Uint8Array): number {
  for (let i = 0; i < literal.length; i++) if (bytes[at + i] !== literal[i]) return ~(at + i);
  return at + literal.length;
}

/**
 * @param at offset of the value's first byte
 * @param depth how many levels of arrays and objects may follow
 */
export function endOfValue(bytes: Uint8Array, at: number, depth: number = maxJsonDepth): number {
  switch (bytes[at] ?? 0) {
    case byteOf.quote:
      return endOfString(bytes, at);
    case byteOf.openBrace:
      return depth === 0 ? ~at : endOfObject(bytes, at, depth - 1);
    case byteOf.openBracket:
      return depth === 0 ? ~at : endOfArray(bytes, at, depth - 1);
    default:
      return endOfScalar(bytes, at);
  }
}

function endOfScalar(bytes: Uint8Array, at: number): number {
  switch (bytes[at] ?? 0) {
    case 0x74:
      return endOfLiteral(bytes, at, literals.true);
    case 0x66:
      return endOfLiteral(bytes, at, literals.false);
    case 0x6e:
      return endOfLiteral(bytes, at, literals.null);
    default:
      return endOfNumber(bytes, at);
  }
}

function endOfObject(bytes: Uint8Array, from: number, depth: number): number {
  let at = skipSpace(bytes, from + 1);
  if (bytes[at] === byteOf.closeBrace) return at + 1;
  for (;;) {
    const value = startOfMemberValue(bytes, at);
    if (value < 0) return value;
    const end = endOfValue(bytes, value, depth);
    if (end < 0) return end;
    at = skipSpace(bytes, end);
    if (bytes[at] === byteOf.closeBrace) return at + 1;
    if (bytes[at] !== byteOf.comma) return ~at;
    at = skipSpace(bytes, at + 1);
  }
}

/** Reads a member's name and colon. */
function startOfMemberValue(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== byteOf.quote) return ~at;
  const name = endOfString(bytes, at);
  if (name < 0) return name;
  const colon = skipSpace(bytes, name);
  return bytes[colon] === byteOf.colon ? skipSpace(bytes, colon + 1) : ~colon;
}

function endOfArray(bytes: Uint8Array, from: number, depth: number): number {
  let at = skipSpace(bytes, from + 1);
  if (bytes[at] === byteOf.closeBracket) return at + 1;
  for (;;) {
    const end = endOfValue(bytes, at, depth);
    if (end < 0) return end;
    at = skipSpace(bytes, end);
    if (bytes[at] === byteOf.closeBracket) return at + 1;
    if (bytes[at] !== byteOf.comma) return ~at;
    at = skipSpace(bytes, at + 1);
  }
}

/** True when the bytes are one JSON text in UTF-8 without a byte order mark, nested at most {@link maxJsonDepth} deep. */
export function isJson(bytes: Uint8Array): boolean {
  return jsonError(bytes) === undefined;
}

/** What keeps the bytes from being one JSON text, as a sentence; undefined when nothing does. */
export function jsonError(bytes: Uint8Array): string | undefined {
  const end = endOfValue(bytes, skipSpace(bytes, 0));
  if (end < 0) return describeSyntaxError(bytes, ~end);
  const rest = skipSpace(bytes, end);
  return rest === bytes.length ? undefined : describeSyntaxError(bytes, rest);
}

/** Says what is wrong at the offset a scan stopped at. */
export function describeSyntaxError(bytes: Uint8Array, offset: number): string {
  if (offset >= bytes.length) return `is not JSON: it ends too soon, after ${bytes.length} bytes`;
  if (offset === 0 && bytes[0] === 0xef && bytes[1] === 0xbb) return 'is not JSON: it starts with a byte order mark';
  const byte = bytes[offset] ?? 0;
  const isVisible = byte > 0x20 && byte < 0x7f;
  const shown = isVisible ? `'${String.fromCharCode(byte)}'` : `byte 0x${byte.toString(16).padStart(2, '0')}`;
  const isOpening = byte === byteOf.openBrace || byte === byteOf.openBracket;
  const hint = isOpening ? ` (more than ${maxJsonDepth} levels are refused)` : '';
  return `is not JSON: unexpected ${shown} at byte ${offset}${hint}`;
}
