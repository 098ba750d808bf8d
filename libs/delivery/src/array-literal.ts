/**
 * Array parameters as Postgres array literals. node-postgres would quote every element of an array on its own, which is
 * most of what a settle statement costs in this process.
 */
export function numberArray(values: readonly (number | null)[]): string {
  return `{${(values.includes(null) ? values.map((value) => value ?? 'NULL') : values).join(',')}}`;
}

export function textArray(values: readonly (string | null)[]): string {
  let text = '{';
  for (let index = 0; index < values.length; index += 1) {
    if (index > 0) text += ',';
    const value = values[index];
    text += value === undefined || value === null ? 'NULL' : `"${escaped(value)}"`;
  }
  return `${text}}`;
}

export function byteaArray(values: readonly (Buffer | null)[]): string {
  return textArray(values.map((value) => (value === null ? null : `\\x${value.toString('hex')}`)));
}

/** Text in Postgres cannot hold U+0000, and whatever a hook answered must not keep a settle from succeeding. */
function escaped(value: string): string {
  return /["\\\0]/.test(value) ? value.replaceAll('\0', '\uFFFD').replaceAll(/["\\]/g, String.raw`\$&`) : value;
}
