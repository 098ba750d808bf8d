const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const openBracket = 0x5b;
const openBrace = 0x7b;

/** More than any sender puts into one request; a bound on what an unverified body can make us allocate. */
const maxElements = 10_000;

/**
 * The bytes of each element of the array at `path` (member names; none for the text itself), never re-serialised.
 *
 * @param json text that `JSON.parse` has accepted
 * @returns undefined when there is no array at the path, when it has more than 10,000 elements, or when a name on the
 * path occurs twice: parsers disagree about which one counts, so a verifier and its readers could see different items
 */
export function sliceElements(json: Buffer, path: readonly string[]): Buffer[] | undefined {
  let start = skipSpace(json, startOf(json));
  for (const name of path) {
    const member = findMember(json, start, name);
    if (member === undefined) return undefined;
    start = member;
  }
  if (json[start] !== openBracket) return undefined;
  const elements: Buffer[] = [];
  forEachValue(json, start, (from, to) => {
    elements.push(json.subarray(from, to));
    return elements.length <= maxElements;
  });
  return elements.length > maxElements ? undefined : elements;
}

/** Deeper than any delivery; beyond it the answer is the safe one. */
const maxDepth = 64;

/**
 * Whether an object anywhere in the text has two members of one name. A signature over chosen fields says nothing about
 * such a body: the reader behind us may take the member that we did not check.
 *
 * @param json text that `JSON.parse` has accepted
 */
export function hasRepeatedNames(json: Buffer): boolean {
  return repeatsNames(json, skipSpace(json, startOf(json)), 0);
}

function repeatsNames(json: Buffer, start: number, depth: number): boolean {
  if (json[start] !== openBracket && json[start] !== openBrace) return false;
  if (depth > maxDepth) return true;
  const names = new Set<string>();
  let repeated = false;
  forEachValue(json, start, (from, _to, name) => {
    repeated ||= (name !== undefined && names.has(name)) || repeatsNames(json, from, depth + 1);
    if (name !== undefined) names.add(name);
    return !repeated;
  });
  return repeated;
}

function startOf(json: Buffer): number {
  return json[0] === 0xef && json[1] === 0xbb && json[2] === 0xbf ? 3 : 0;
}

function findMember(json: Buffer, start: number, name: string): number | undefined {
  if (json[start] !== openBrace) return undefined;
  const found: number[] = [];
  forEachValue(json, start, (from, _to, key) => {
    if (key === name) found.push(from);
    return true;
  });
  return found.length === 1 ? found[0] : undefined;
}

type Visit = (from: number, to: number, key?: string) => boolean;

/** Walks the direct values of the array or object that opens at `start`, as long as `visit` says true. */
function forEachValue(json: Buffer, start: number, visit: Visit): void {
  const isObject = json[start] === openBrace;
  let at = skipSpace(json, start + 1);
  while (at < json.length && !isClosing(json[at])) {
    let key: string | undefined;
    if (isObject) {
      const end = skipString(json, at);
      key = String(JSON.parse(json.toString('utf8', at, end)));
      at = skipSpace(json, skipSpace(json, end) + 1);
    }
    const end = skipValue(json, at);
    if (!visit(at, end, key)) return;
    at = skipSpace(json, end);
    if (json[at] === comma) at = skipSpace(json, at + 1);
  }
}

/** The offset just past the value at `at`. */
function skipValue(json: Buffer, at: number): number {
  if (json[at] === quote) return skipString(json, at);
  if (json[at] === openBracket || json[at] === openBrace) return skipNested(json, at);
  let end = at;
  while (end < json.length && json[end] !== comma && !isClosing(json[end]) && !isSpace(json[end])) end++;
  return end;
}

/** Past an array or object; depth is counted, not recursed into. */
function skipNested(json: Buffer, at: number): number {
  let depth = 0;
  for (let i = at; i < json.length; i++) {
    const byte = json[i];
    if (byte === quote) i = skipString(json, i) - 1;
    else if (byte === openBracket || byte === openBrace) depth++;
    else if (isClosing(byte) && --depth === 0) return i + 1;
  }
  return json.length;
}

function skipString(json: Buffer, at: number): number {
  for (let i = at + 1; i < json.length; i++) {
    if (json[i] === backslash) i++;
    else if (json[i] === quote) return i + 1;
  }
  return json.length;
}

function skipSpace(json: Buffer, at: number): number {
  let i = at;
  while (i < json.length && isSpace(json[i])) i++;
  return i;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function isClosing(byte: number | undefined): boolean {
  return byte === 0x5d || byte === 0x7d;
}
