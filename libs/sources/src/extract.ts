import { type Inbound } from './inbound.js';
import { parseTimestamp, type TimestampUnit } from './timestamp.js';

/** What becomes one event: a whole request, or one element of its batch. */
export interface Part {
  readonly request: Inbound;
  /** The part parsed as JSON, or undefined. */
  readonly value: unknown;
  readonly data: Buffer;
  readonly contentType: string;
  /** Position in the batch, from 0. */
  readonly index: number;
}

/** Reads one text out of a part; undefined when it is not there. */
export type Extract = (part: Part) => string | undefined;
export type ExtractTime = (part: Part) => Date | undefined;

export function header(name: string): Extract {
  return ({ request }) => nonEmpty(request.headerText(name));
}

/** @param path member names and array indices, joined by `/` */
export function field(path: string): Extract {
  return ({ value }) => fieldText(value, path);
}

/** A field of the whole body, also for an element of its batch. */
export function envelope(path: string): Extract {
  return ({ request }) => fieldText(request.document, path);
}

export function formField(name: string): Extract {
  return ({ request }) => nonEmpty(request.formText(name));
}

export function constant(text: string): Extract {
  return () => text;
}

export function prefixed(prefix: string, extract: Extract): Extract {
  return (part) => {
    const text = extract(part);
    return text === undefined ? undefined : prefix + text;
  };
}

/** All of them joined, or undefined when one is missing. */
export function joined(separator: string, ...extracts: readonly Extract[]): Extract {
  return (part) => {
    const texts = extracts.map((extract) => extract(part));
    return texts.every((text) => text !== undefined) ? texts.join(separator) : undefined;
  };
}

/** The first that is there, and the others appended as far as they are. */
export function extended(separator: string, first: Extract, ...more: readonly Extract[]): Extract {
  return (part) => {
    const start = first(part);
    if (start === undefined) return undefined;
    return [start, ...more.map((extract) => extract(part)).filter((text) => text !== undefined)].join(separator);
  };
}

export function firstOf(...extracts: readonly Extract[]): Extract {
  return (part) => {
    for (const extract of extracts) {
      const text = extract(part);
      if (text !== undefined) return text;
    }
    return undefined;
  };
}

export function time(extract: Extract, unit: TimestampUnit): ExtractTime {
  return (part) => {
    const text = extract(part);
    const at = text === undefined ? undefined : parseTimestamp(text, unit);
    return at === undefined ? undefined : new Date(at);
  };
}

/**
 * The text at a path of parsed JSON: a string that is not empty, a boolean, or a number. Undefined for anything else, and
 * for whole numbers that JavaScript rounds: as ids they would make two events one.
 */
export function fieldText(value: unknown, path: string): string | undefined {
  const found = fieldValue(value, path);
  if (typeof found === 'string') return nonEmpty(found);
  if (typeof found === 'boolean') return String(found);
  if (typeof found !== 'number') return undefined;
  return Number.isInteger(found) && !Number.isSafeInteger(found) ? undefined : String(found);
}

/** Own members only: `__proto__` and `constructor` in a path or a body find nothing that JSON did not say. */
export function fieldValue(value: unknown, path: string): unknown {
  let at = value;
  for (const name of path.split('/')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined;
    at = Reflect.get(at, name);
  }
  return at;
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
