/*
 * Attribute values in HTTP headers (CloudEvents HTTP binding 1.0.2 §3.1.3.2): UTF-8, with space, double quote, percent
 * and everything outside U+0021 to U+007E written as %XX.
 */

/** Header names in lower case, as node:http gives them. */
export type HeaderValues = Readonly<Record<string, string | string[] | undefined>>;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Writes a value so that it holds visible ASCII only. The value must not hold lone surrogates. */
export function encodeHeaderValue(value: string): string {
  if (/^[\x21\x23\x24\x26-\x7e]*$/.test(value)) return value;
  let encoded = '';
  for (const byte of Buffer.from(value, 'utf8')) {
    const isSafe = byte > 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x25;
    encoded += isSafe ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}

/**
 * Reads a header value: unquotes it when it is a quoted string, then decodes percent signs once. Bare bytes above ASCII
 * are read as the UTF-8 some senders leave unencoded. Undefined when a percent sign is not followed by two hexadecimal
 * digits or the bytes are not UTF-8.
 */
export function decodeHeaderValue(header: string): string | undefined {
  const value = isQuoted(header) ? header.slice(1, -1).replaceAll(/\\(.)/gs, '$1') : header;
  if (/^[\x20-\x24\x26-\x7e]*$/.test(value)) return value;
  // Code units above U+00FF cannot come from a header's bytes.
  if (/%(?![0-9A-Fa-f]{2})|[^\0-\xff]/.test(value)) return undefined;
  const bytes = value.replaceAll(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return decodeUtf8(Buffer.from(bytes, 'latin1'));
}

function isQuoted(header: string): boolean {
  return header.length >= 2 && header.startsWith('"') && header.endsWith('"');
}

function decodeUtf8(bytes: Buffer): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}
