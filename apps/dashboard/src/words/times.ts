import { duration } from './quantities.js';

/** `12 s ago`, `in 3 min`. */
export function relative(at: string, now: number): string {
  const ms = Date.parse(at) - now;
  if (Math.abs(ms) < 1000) return 'now';
  return ms < 0 ? `${duration(-ms)} ago` : `in ${duration(ms)}`;
}

/** How long something waits already; `–` where nothing waits. */
export function age(at: string | null, now: number): string {
  return at === null ? '–' : duration(Math.max(0, now - Date.parse(at)));
}

/** A reason with the error behind it, unless it says so itself. */
export function withError(reason: string, error: string | null): string {
  return error === null || reason.includes(error) ? reason : `${reason} (${error})`;
}

const timed = /(?:\b(at|since|until) )?(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z)/g;

/** Times within the broker's words, said as somebody would: `next probe at 2026-…Z` becomes `next probe in 12 s`. */
export function spoken(text: string, now: number): string {
  return text.replace(timed, (_, word: string | undefined, at: string) => {
    const ms = Date.parse(at) - now;
    if (word === 'since' && ms < 0) return `for ${duration(-ms)}`;
    if (word === 'until' && ms > 0) return `for another ${duration(ms)}`;
    return relative(at, now);
  });
}
