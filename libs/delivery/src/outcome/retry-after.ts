/** The longest wait a hook may ask for: 24 hours. */
export const maxRetryAfterMs = 86_400_000;

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const time = String.raw`(?<hour>\d\d):(?<minute>\d\d):(?<second>\d\d)`;
/** RFC 9110 §5.6.7: the preferred form and the two obsolete ones a recipient must still take. */
const dateForms = [
  new RegExp(String.raw`^[A-Z][a-z]{2}, (?<day>\d\d) (?<month>[A-Z][a-z]{2}) (?<year>\d{4}) ${time} GMT$`),
  new RegExp(String.raw`^[A-Z][a-z]{5,8}, (?<day>\d\d)-(?<month>[A-Z][a-z]{2})-(?<year>\d\d) ${time} GMT$`),
  new RegExp(String.raw`^[A-Z][a-z]{2} (?<month>[A-Z][a-z]{2}) (?<day>[ \d]\d) ${time} (?<year>\d{4})$`),
];

/**
 * The wait in milliseconds that a `Retry-After` header asks for (RFC 9110 §10.2.3: seconds or an HTTP date), at most
 * {@link maxRetryAfterMs}. Undefined when the header is absent, nonsense, or names a time that is not in the future.
 */
export function retryAfterMs(header: string | string[] | undefined, now: number): number | undefined {
  const value = (Array.isArray(header) ? header[0] : header)?.trim();
  if (!value) return undefined;
  const wait = /^\d+$/.test(value) ? Number(value) * 1000 : httpDate(value, now) - now;
  return wait > 0 ? Math.min(wait, maxRetryAfterMs) : undefined;
}

/** Unix milliseconds, NaN for anything that is no HTTP date. Date.parse would take "-5" for a year. */
function httpDate(text: string, now: number): number {
  const parts = dateForms.map((form) => form.exec(text)?.groups).find((groups) => groups !== undefined);
  if (!parts) return Number.NaN;
  const month = months.indexOf(parts['month'] ?? '');
  if (month < 0) return Number.NaN;
  const number = (name: string) => Number(parts[name]);
  return Date.UTC(
    fullYear(number('year'), now),
    month,
    number('day'),
    number('hour'),
    number('minute'),
    number('second'),
  );
}

/** RFC 9110: a two-digit year that seems more than 50 years ahead lies in the past century. */
function fullYear(year: number, now: number): number {
  if (year > 99) return year;
  const thisYear = new Date(now).getUTCFullYear();
  const guess = thisYear - (thisYear % 100) + year;
  return guess > thisYear + 50 ? guess - 100 : guess;
}
