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
  const upper = text.toUpperCase();
  return new Date(upper.startsWith(':60', 16) ? `${upper.slice(0, 17)}59${upper.slice(19)}` : upper);
}

function daysIn(year: number, month: number): number {
  if (month !== 2) return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
  const isLeapYear = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return isLeapYear ? 29 : 28;
}
