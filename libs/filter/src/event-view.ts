import { celError, celMap, type CelInput } from '@bufbuild/cel';
import { parseJson, type JsonValue } from './json-value.js';

/** The event that a filter judges. */
export interface FilterableEvent {
  id: string;
  source: string;
  type: string;
  topic: string;
  subject?: string | undefined;
  /** RFC 3339, as the publisher wrote it. */
  time?: string | undefined;
  /** The ordering key. */
  key?: string | undefined;
  datacontenttype?: string | undefined;
  dataschema?: string | undefined;
  extensions?: Readonly<Record<string, string>> | undefined;
  /** The publisher's bytes; undefined when the event has none. */
  data?: Buffer | undefined;
}

/** What `data` turned out to be. */
export type DataReading = { kind: 'json'; value: JsonValue } | { kind: 'unreadable'; detail: string };

const optionalAttributes = ['subject', 'time', 'key', 'datacontenttype', 'dataschema'] as const;

/**
 * One event as all filters see it. Data is parsed when the first filter asks for it, and once: make one view per
 * event and show it to every filter.
 */
export class EventView {
  #reading: DataReading | undefined;
  #bindings: Bindings | undefined;

  constructor(readonly event: FilterableEvent) {}

  /** The data, parsed at most once per view. */
  reading(): DataReading {
    return (this.#reading ??= readData(this.event));
  }

  /** What an expression can name; an absent attribute is null. */
  bindings(): Bindings {
    return (this.#bindings ??= bindingsOf(this.event, () => this.reading()));
  }

  /** Whether the event lacks an attribute that events may lack. */
  lacks(name: string): boolean {
    return optionalAttributes.some((attribute) => attribute === name && this.event[attribute] === undefined);
  }
}

/** The variables of an expression by name. */
export type Bindings = Record<string, CelInput>;

function bindingsOf(event: FilterableEvent, read: () => DataReading): Bindings {
  const { id, source, type, topic } = event;
  const bindings: Bindings = {
    id,
    source,
    type,
    topic,
    extensions: celMap(new Map(Object.entries(event.extensions ?? {}))),
  };
  for (const name of optionalAttributes) bindings[name] = event[name] ?? null;
  // The engine takes a CelError for the value of a variable, as it does for the result of a call; only its types do not say so.
  Object.defineProperty(bindings, 'data', { get: () => dataInput(read()), enumerable: true });
  return bindings;
}

function dataInput(reading: DataReading): unknown {
  if (reading.kind === 'unreadable') return celError(reading.detail);
  return reading.value instanceof Map ? celMap(reading.value) : reading.value;
}

function readData({ data, datacontenttype }: FilterableEvent): DataReading {
  if (data === undefined) return unreadable('the event has no data');
  if (!mayBeJson(datacontenttype)) return unreadable(`data is ${datacontenttype ?? ''}, not JSON`);
  const text = textOf(data);
  if (text === undefined) return unreadable('data is not JSON in UTF-8');
  try {
    return { kind: 'json', value: parseJson(text) };
  } catch (error) {
    if (error instanceof Error) return unreadable(error.message === 'not JSON' ? 'data is not JSON' : error.message);
    throw error;
  }
}

const replacement = '\ufffd';

/** A replacement character is either the publisher's own or stands for bytes that are no UTF-8. */
function textOf(data: Buffer): string | undefined {
  const text = data.toString('utf8');
  return text.includes(replacement) && !data.equals(Buffer.from(text)) ? undefined : text;
}

const unreadable = (detail: string): DataReading => ({ kind: 'unreadable', detail });

const jsonType = /^\s*[^;\s/]+\/(?:json|[^;\s]+\+json)\s*(?:;|$)/i;

/** Data without a media type is JSON if it reads as JSON. */
function mayBeJson(contentType: string | undefined): boolean {
  return contentType === undefined || jsonType.test(contentType);
}
