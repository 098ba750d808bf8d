const quote = 0x22;
const backslash = 0x5c;

/**
 * The text of a member of a JSON object, cut out of it byte for byte; the last one of that name, as JSON.parse takes it.
 *
 * @param json an object that JSON.parse has accepted: nothing is checked again here
 */
export function memberText(json: Buffer, name: string): Buffer | undefined {
  let found: Buffer | undefined;
  let at = afterSign(json, skipSpace(json, 0));
  while (json[at] === quote) {
    const endOfKey = endOfString(json, at);
    const start = afterSign(json, skipSpace(json, endOfKey));
    const end = endOfValue(json, start);
    if (JSON.parse(json.toString('utf8', at, endOfKey)) === name) found = json.subarray(start, end);
    at = afterSign(json, skipSpace(json, end));
  }
  return found;
}

/** Where the next token starts after the brace, colon or comma at this offset. */
const afterSign = (json: Buffer, at: number): number => skipSpace(json, at + 1);

function skipSpace(json: Buffer, at: number): number {
  let end = at;
  while (isSpace(json[end])) end += 1;
  return end;
}

function endOfValue(json: Buffer, at: number): number {
  let depth = 0;
  let end = at;
  do {
    const byte = json[end];
    if (byte === quote) end = endOfString(json, end);
    else if (isOpening(byte) || isClosing(byte)) {
      depth += isOpening(byte) ? 1 : -1;
      end += 1;
    } else end = depth === 0 ? endOfScalar(json, end) : end + 1;
  } while (depth > 0);
  return end;
}

function endOfString(json: Buffer, at: number): number {
  let end = at + 1;
  while (json[end] !== quote) end += json[end] === backslash ? 2 : 1;
  return end + 1;
}

function endOfScalar(json: Buffer, at: number): number {
  let end = at;
  while (end < json.length && json[end] !== 0x2c && !isClosing(json[end]) && !isSpace(json[end])) end += 1;
  return end;
}

const isSpace = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
const isOpening = (byte: number | undefined): boolean => byte === 0x7b || byte === 0x5b;
const isClosing = (byte: number | undefined): boolean => byte === 0x7d || byte === 0x5d;
