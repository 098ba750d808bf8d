import { type Refusal } from './reception.js';

export type TimestampUnit = 's' | 'ms' | 'iso';

const iso8601 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:?\d\d)$/;

/** Milliseconds since 1970, or undefined for anything but the plain form of the unit. */
export function parseTimestamp(text: string, unit: TimestampUnit): number | undefined {
  if (unit === 'iso') return iso8601.test(text) ? representable(Date.parse(text)) : undefined;
  if (!/^\d{1,16}$/.test(text)) return undefined;
  return representable(unit === 's' ? Number(text) * 1000 : Number(text));
}

/** Both directions count: a time far ahead would keep a captured request valid for as long as its sender liked. */
export function checkAge(text: string, unit: TimestampUnit, toleranceSeconds: number, now: Date): Refusal | undefined {
  const at = parseTimestamp(text, unit);
  if (at === undefined) return 'malformed-timestamp';
  const age = now.getTime() - at;
  if (age > toleranceSeconds * 1000) return 'too-old';
  if (age < -toleranceSeconds * 1000) return 'too-new';
  return undefined;
}

/** Within what a Date can hold: beyond it, asking for the ISO text would throw. */
function representable(milliseconds: number): number | undefined {
  return Number.isNaN(new Date(milliseconds).getTime()) ? undefined : milliseconds;
}
