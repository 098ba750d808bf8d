const rfc3339 =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])[Tt](?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/** True for an RFC 3339 date and time with an offset, on a day that exists. A leap second (`:60`) is allowed. */
export function isTimestamp(text: string): boolean {
  if (!rfc3339.test(text)) return false;
  const day = Number(text.slice(8, 10));
  return day <= 28 || day <= daysIn(Number(text.slice(0, 4)), Number(text.slice(5, 7)));
}

/** The moment an RFC 3339 text means, or undefined when it is none. A leap second counts as the second before it. */
export function parseTimestamp(text: string): Date | undefined {
  if (!isTimestamp(text)) return undefined;
  return parseUtc(text) ?? parseAny(text);
}

/** A whole second or millisecond in UTC, as nearly all are: reading digits takes half as long as Date does. */
function parseUtc(text: string): Date | undefined {
  const isWhole = text.length === 20;
  if (!text.endsWith('Z') || !(isWhole || text.length === 24)) return undefined;
  const [year, second] = [twoDigits(text, 0) * 100 + twoDigits(text, 2), twoDigits(text, 17)];
  // Date.UTC takes years below 100 for those of the twentieth century.
  if (year < 100 || second === 60) return undefined;
  const ms = isWhole ? 0 : twoDigits(text, 20) * 10 + text.charCodeAt(22) - zero;
  const [month, day, hour, minute] = [twoDigits(text, 5), twoDigits(text, 8), twoDigits(text, 11), twoDigits(text, 14)];
  return new Date(Date.UTC(year, month - 1, day, hour, minute, second, ms));
}

const zero = 0x30;

const twoDigits = (text: string, at: number): number =>
  (text.charCodeAt(at) - zero) * 10 + text.charCodeAt(at + 1) - zero;

function parseAny(text: string): Date {
  const upper = text.toUpperCase();
  return new Date(upper.startsWith(':60', 16) ? `${upper.slice(0, 17)}59${upper.slice(19)}` : upper);
}

function daysIn(year: number, month: number): number {
  if (month !== 2) return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
  const isLeapYear = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return isLeapYear ? 29 : 28;
}
