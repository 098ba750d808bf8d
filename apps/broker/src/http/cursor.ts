/**
 * Page cursors are opaque to callers: base64url of a JSON array of texts and numbers, the sort key of the last row of
 * a page. A cursor that was tampered with is refused, never interpreted loosely: its parts go into SQL as they are.
 */
export type CursorKey = readonly (string | number)[];

/** What a part of a key is: a name (string), unix milliseconds, a Postgres integer or bigint (none of ours is negative). */
export type CursorPart = 'string' | 'time' | 'int' | 'bigint';

const lastTime = Date.UTC(9999, 11, 31);
const largest = { time: lastTime, int: 2 ** 31 - 1, bigint: Number.MAX_SAFE_INTEGER };

export function encodeCursor(key: CursorKey): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/** The key of a cursor, or undefined when it is none that could have been made of such parts. */
export function decodeCursor(text: string, parts: readonly CursorPart[]): CursorKey | undefined {
  const key = parse(text);
  if (!Array.isArray(key) || key.length !== parts.length) return undefined;
  const values: (string | number)[] = key.filter((value, index) => isPart(value, parts[index] ?? 'string'));
  return values.length === parts.length ? values : undefined;
}

function isPart(value: unknown, part: CursorPart): boolean {
  if (part === 'string') return typeof value === 'string' && value.length <= 256 && !value.includes('\0');
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= largest[part];
}

function parse(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}
