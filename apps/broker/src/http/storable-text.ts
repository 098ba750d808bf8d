const loneSurrogate = /\p{Cs}/u;

/**
 * JSON pointer to the first text in a parsed JSON value that Postgres cannot hold: one with NUL, or with half of a
 * surrogate pair, which no UTF-8 has. For the name of a field, the pointer of the object that has it. Undefined when all
 * can be held.
 *
 * The depth of the value has to be bounded already.
 */
export function unstorableText(value: unknown, pointer = ''): string | undefined {
  if (typeof value === 'string') return isStorable(value) ? undefined : pointer;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [name, inner] of Object.entries(value)) {
    if (!isStorable(name)) return pointer;
    const found = unstorableText(inner, `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isStorable(text: string): boolean {
  return !text.includes('\0') && !loneSurrogate.test(text);
}
