import type { StreamRef } from './stream.js';

/** What CloudEvents carries beyond the columns of the log. Stored as JSON text. */
export interface EventAttributes {
  /** RFC 3339, in the spelling of the publisher. */
  time?: string;
  /** An absolute URI. */
  dataschema?: string;
  /** Every attribute that has no place of its own: lower-case alphanumeric names. */
  extensions?: Record<string, string>;
  /** Names of those that were JSON numbers or booleans. */
  scalars?: readonly string[];
  /** W3C trace context of the publish request. */
  traceparent?: string;
  tracestate?: string;
}

/** An event on its way into the log. */
export interface NewEvent {
  /** 1 to 128 visible ASCII characters; what duplicates are found by. */
  id: string;
  type: string;
  source: string;
  subject?: string;
  /** The ordering key: events of one key share a stream. */
  key?: string;
  /** The media type of `data`. */
  contentType?: string;
  attributes: EventAttributes;
  /** The publisher's exact bytes; undefined when the event has none, which is not the same as empty. */
  data: Buffer | undefined;
  /** Not delivered before. */
  deliverAt?: Date;
  /** Not worth delivering from then on. */
  expiresAt?: Date;
}

/** An event of the log. */
export interface StoredEvent extends NewEvent {
  streamId: number;
  /** Its place in its stream: dense, from 1, in the order of commits. */
  seq: number;
  /** When it was stored, by the database's clock. Never smaller than that of an event with a lower seq. */
  createdAt: Date;
  topic: string;
}

/** The source of an event whose publisher named none. */
export const defaultSource = (topic: string): string => `/topics/${topic}`;

/** How an event lies in its row: null for what is absent or follows from the topic. */
export interface EventColumns {
  id: string;
  type: string | null;
  source: string | null;
  subject: string | null;
  key: string | null;
  contentType: string | null;
  attributes: string | null;
  deliverAt: Date | null;
  expiresAt: Date | null;
  data: Buffer | null;
}

export function toColumns(event: NewEvent, topic: string): EventColumns {
  return {
    id: event.id,
    type: event.type === topic ? null : event.type,
    source: event.source === defaultSource(topic) ? null : event.source,
    subject: event.subject ?? null,
    key: event.key ?? null,
    contentType: event.contentType ?? null,
    attributes: attributesText(event.attributes),
    deliverAt: event.deliverAt ?? null,
    expiresAt: event.expiresAt ?? null,
    data: event.data ?? null,
  };
}

export function fromColumns(columns: EventColumns, place: { stream: StreamRef; seq: number; at: Date }): StoredEvent {
  const { stream } = place;
  const event: StoredEvent = {
    id: columns.id,
    type: columns.type ?? stream.topic,
    source: columns.source ?? defaultSource(stream.topic),
    attributes: attributesOf(columns.attributes),
    data: columns.data ?? undefined,
    streamId: stream.streamId,
    seq: place.seq,
    createdAt: place.at,
    topic: stream.topic,
  };
  if (columns.subject !== null) event.subject = columns.subject;
  if (columns.key !== null) event.key = columns.key;
  if (columns.contentType !== null) event.contentType = columns.contentType;
  if (columns.deliverAt !== null) event.deliverAt = columns.deliverAt;
  if (columns.expiresAt !== null) event.expiresAt = columns.expiresAt;
  return event;
}

/**
 * True when both would be stored alike, so that one is a repetition of the other: the same bytes, and the same
 * attributes as far as a publisher repeats them. `attributes`, `deliverAt` and `expiresAt` stay out: a repetition
 * carries a new trace, and a relative delay counts from its own arrival.
 */
export function isRepetition(a: EventColumns, b: EventColumns): boolean {
  return (
    a.id === b.id &&
    a.type === b.type &&
    a.source === b.source &&
    a.subject === b.subject &&
    a.key === b.key &&
    a.contentType === b.contentType &&
    sameBytes(a.data, b.data)
  );
}

function sameBytes(a: Buffer | null, b: Buffer | null): boolean {
  return a === null || b === null ? a === b : a.equals(b);
}

function attributesText(attributes: EventAttributes): string | null {
  const text = JSON.stringify(attributes);
  return text === '{}' ? null : text;
}

/** What `attributesText` wrote. */
function attributesOf(text: string | null): EventAttributes {
  const attributes: EventAttributes = text === null ? {} : JSON.parse(text);
  return attributes;
}
