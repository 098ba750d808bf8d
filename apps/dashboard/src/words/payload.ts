import type { BusEvent } from '../api/event-model.js';

interface ExactJson {
  parse(text: string, reviver: (key: string, value: unknown, context?: { source: string }) => unknown): unknown;
  rawJSON?(text: string): unknown;
}

/**
 * An answer as its text says it: numbers beyond what JavaScript can hold keep their digits, where the browser can. Only to be
 * shown, since such numbers are no numbers any more.
 */
export function exactly(text: string): unknown {
  const json: ExactJson = JSON;
  return json.parse(text, (_, value, context) =>
    typeof value === 'number' && context !== undefined && json.rawJSON ? json.rawJSON(context.source) : value,
  );
}

/** Data of an event as text, never as markup, and what kind of data it is. */
export function payloadText({ data, dataEncoding }: Pick<BusEvent, 'data' | 'dataEncoding'>): string {
  switch (dataEncoding) {
    case 'none':
      return '(no data)';
    case 'json':
      return JSON.stringify(data, null, 2);
    default:
      return String(data);
  }
}
