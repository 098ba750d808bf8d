import { randomUUID } from 'node:crypto';

const eventId = /^[\x21-\x7e]{1,128}$/;

/** True for an id Hookcast accepts: 1 to 128 visible ASCII characters, no space. */
export function isEventId(id: string): boolean {
  return eventId.test(id);
}

/** A clock that stepped back by less than this is ridden out by counting on; by more, the new time is taken over. */
const toleratedStepBackMs = 10_000;
const counterLimit = 2 ** 26;

let lastMs = 0;
let counter = 0;

/**
 * A UUID version 7 (RFC 9562 §5.7): 48 bits of unix milliseconds, a 26-bit counter that starts at a random place each
 * millisecond (§6.2 method 1), and 48 random bits. Ids made by one process sort in the order they were made.
 *
 * @param now unix time in milliseconds
 */
export function uuidv7(now: number = Date.now()): string {
  const random = randomUUID();
  if (now > lastMs || lastMs - now > toleratedStepBackMs) startMillisecond(now, random);
  else if (++counter === counterLimit) startMillisecond(lastMs + 1, random);
  const time = lastMs.toString(16).padStart(12, '0');
  const high = (counter >>> 14).toString(16).padStart(3, '0');
  const low = (0x8000 | (counter & 0x3fff)).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${high}-${low}-${random.slice(24)}`;
}

function startMillisecond(ms: number, random: string): void {
  lastMs = ms;
  // 25 random bits: the upper half of the counter stays free for counting on.
  counter = Number.parseInt(random.slice(0, 8), 16) >>> 7;
}
