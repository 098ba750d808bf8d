/**
 * Page cursors are opaque to callers: base64url of a JSON array of texts and numbers, the sort key of the last
 * row of a page. A cursor that was tampered with is refused, never interpreted loosely.
 */
export type CursorKey = readonly (string | number)[];

export function encodeCursor(key: CursorKey): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/** The key of a cursor, or undefined when it is none that `encodeCursor` wrote with these kinds of parts. */
export function decodeCursor(text: string, kinds: readonly ('string' | 'number')[]): CursorKey | undefined {
  const key = parse(text);
  if (!Array.isArray(key) || key.length !== kinds.length) return undefined;
  const parts: (string | number)[] = key.filter((part) => typeof part === 'string' || typeof part === 'number');
  return parts.length === kinds.length && parts.every((part, index) => typeof part === kinds[index])
    ? parts
    : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}
