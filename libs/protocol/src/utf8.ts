/**
 * The offset after the UTF-8 sequence of two to four bytes at `at`, or -1 when it is none: overlong, a surrogate, above
 * U+10FFFF, or cut off (Unicode 15, table 3-7).
 */
export function endOfSequence(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] ?? 0;
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (lead < 0xc2 || lead > 0xf4 || !isSecondByte(lead, bytes[at + 1] ?? 0)) return -1;
  for (let next = at + 2; next < at + length; next++) if (!isContinuation(bytes[next])) return -1;
  return at + length;
}

function isContinuation(byte: number | undefined): boolean {
  return ((byte ?? 0) & 0xc0) === 0x80;
}

/** The lead bytes at the edges narrow the second byte; the others take any continuation. */
function isSecondByte(lead: number, byte: number): boolean {
  if (lead === 0xe0) return byte >= 0xa0 && byte <= 0xbf;
  if (lead === 0xed) return byte >= 0x80 && byte <= 0x9f;
  if (lead === 0xf0) return byte >= 0x90 && byte <= 0xbf;
  if (lead === 0xf4) return byte >= 0x80 && byte <= 0x8f;
  return isContinuation(byte);
}
