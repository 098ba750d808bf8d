import { createHash } from 'node:crypto';

/**
 * Names the kind of error that a delivery died of, so that a thousand dead letters of one cause are one group: what
 * failed, then a digest of the text without the parts that differ from one failure to the next. The same everywhere
 * and for ever: `status-5xx-1f0c9d4e`, `timeout-…`, `verdict-…`; `expired` for what was given up by its age alone.
 */
export function errorFingerprint(death: { reason: string; error: string | null; status: number | null }): string {
  const { reason, error, status } = death;
  if (reason === 'expired' || error === null) return reason;
  const kind = /^[a-z][a-z-]{0,31}(?=:)/.exec(error)?.[0] ?? 'other';
  const head = status !== null && kind === 'status' ? `${kind}-${Math.floor(status / 100)}xx` : kind;
  return `${head}-${createHash('sha256').update(normalisedError(error)).digest('hex').slice(0, 8)}`;
}

/** Longest first: an address holds numbers, an id holds hexadecimal digits. */
const changingParts: readonly [RegExp, string][] = [
  [/\b[a-z][a-z0-9+.-]*:\/\/[^\s"'<>]+/gi, '<url>'],
  [/\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b/gi, '<id>'],
  [/\[[0-9a-f:.]*:[0-9a-f:.]*\](?::\d+)?/gi, '<address>'],
  [/\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b/g, '<address>'],
  [/(?<![\w:])[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,9}(?![\w:])/gi, '<address>'],
  [/"[^"]{0,256}"|'[^']{0,256}'/g, '<text>'],
  [/\b(?=[\w-]*\d)(?=[\w-]*[a-z])[\w-]{12,}\b/gi, '<id>'],
];
const normalisedLength = 512;

/** Numbers count only where they say what failed: `status: 500` is another error than `status: 503`. */
export function normalisedError(error: string): string {
  const text = error.slice(0, normalisedLength);
  const status = /^status: \d{3}/.exec(text)?.[0] ?? '';
  let rest = text.slice(status.length);
  for (const [pattern, name] of changingParts) rest = rest.replaceAll(pattern, name);
  return `${status}${rest
    .replaceAll(/\d+(?:[.,]\d+)*/g, '<n>')
    .replaceAll(/\s+/g, ' ')
    .trimEnd()}`;
}
