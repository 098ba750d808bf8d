import { isUtf8 } from 'node:buffer';

/** What JSON of these bytes stands for; undefined when they are none. Bytes that are not UTF-8 are not replaced by others. */
export function parseJson(bytes: Buffer): { value: unknown } | undefined {
  if (!isUtf8(bytes)) return undefined;
  try {
    return { value: JSON.parse(bytes.toString('utf8')) };
  } catch {
    return undefined;
  }
}

/** The members of a JSON object; undefined when the bytes are anything else. */
export function parseJsonObject(bytes: Buffer): Record<string, unknown> | undefined {
  const value = parseJson(bytes)?.value;
  return isObject(value) ? value : undefined;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
