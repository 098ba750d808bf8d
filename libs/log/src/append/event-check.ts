import type { NewEvent } from '../event.js';

/** One thing about an event that the log cannot hold. */
export interface EventDefect {
  /** Place of the event in its request, from 0. */
  index: number;
  field: 'id' | 'type' | 'source' | 'subject' | 'key' | 'contentType' | 'deliverAt' | 'expiresAt';
  detail: string;
}

const textFields = ['id', 'type', 'source', 'subject', 'key', 'contentType'] as const;
const timeFields = ['deliverAt', 'expiresAt'] as const;
const unstorable = /[\0\p{Surrogate}]/u;
const longestId = 1024;
const lastYear = 9999;

/** An event that the API should have refused: nothing of its request is stored. */
export class InvalidEventError extends Error {
  override readonly name = 'InvalidEventError';

  constructor(readonly defects: readonly EventDefect[]) {
    super(defects.map(({ index, field, detail }) => `event ${index}: ${field} ${detail}`).join('; '));
  }
}

/**
 * What Postgres would refuse, found before the event shares a statement with others: text with NUL (which no text
 * column takes) or lone surrogates (which UTF-8 cannot say, so the text would change), an id too long for its index,
 * and times outside of 1970 to 9999.
 */
export function findDefects(events: readonly NewEvent[]): EventDefect[] {
  const defects: EventDefect[] = [];
  for (const [index, event] of events.entries()) {
    for (const field of textFields) {
      const text = event[field];
      if (text !== undefined && unstorable.test(text)) {
        defects.push({ index, field, detail: 'must not hold NUL or lone surrogates' });
      }
    }
    if (event.id.length > longestId) defects.push({ index, field: 'id', detail: `is longer than ${longestId}` });
    for (const field of timeFields) {
      const time = event[field];
      if (time !== undefined && !isStorableTime(time)) defects.push({ index, field, detail: 'is out of range' });
    }
  }
  return defects;
}

function isStorableTime(time: Date): boolean {
  return time.getTime() >= 0 && time.getUTCFullYear() <= lastYear;
}
