import {
  busExtensions,
  contentModeOf,
  hookHeaders,
  hopCountOf,
  hopsOf,
  isJsonContentType,
  parseTimestamp,
  type CloudEvent,
  type HeaderValues,
} from '@hookcast/protocol';
import type { PlainEvent } from './plain-envelope.js';

/** Everything about a delivered event besides its data. */
export interface EventContext {
  /** The event's id: the same on every attempt and in replays, so what to recognise duplicates by. */
  id: string;
  /** The topic it was published to. */
  topic: string;
  /** The subscription that is served; undefined when the sender does not say. */
  subscription: string | undefined;
  /** Number of this attempt, from 1; in a batch the highest of its events, as the broker says no more. */
  attempt: number;
  /** When it happened, by its publisher, or was stored. */
  time: Date | undefined;
  /** Where it stands in the log, `<stream>:<seq>`; in a batch only known of its first event. */
  position: string | undefined;
  /** How many hooks the event and its ancestors have gone through, this one counted. */
  hops: number;
  /** True when a past event is delivered again on request. */
  replay: boolean;
  /** W3C trace context of the publisher. */
  traceparent: string | undefined;
  tracestate: string | undefined;
  /** The ordering key. */
  key: string | undefined;
  type: string;
  source: string;
  subject: string | undefined;
  /** Media type of the data. */
  contentType: string | undefined;
  /** The event as it came, with all its attributes and the exact bytes of its data. */
  event: CloudEvent;
}

/** An event for a handler. */
export interface DeliveredEvent {
  /** The value that JSON data stands for; the bytes of all other data; undefined when there is none. */
  data: unknown;
  context: EventContext;
}

/**
 * @param headers of the request that delivered it
 * @param index its place in a batch
 */
export function deliveredEvent(event: CloudEvent, headers: HeaderValues, index = 0): DeliveredEvent {
  const { data, datacontenttype } = event;
  const isJson = data !== undefined && isJsonContentType(datacontenttype);
  return { data: isJson ? JSON.parse(data.toString('utf8')) : data, context: contextOf(event, headers, index) };
}

/** The same for an event whose data has been parsed already. */
export function deliveredPlain({ event, value }: PlainEvent, headers: HeaderValues): DeliveredEvent {
  return { data: value, context: contextOf(event, headers, 0) };
}

function contextOf(event: CloudEvent, headers: HeaderValues, index: number): EventContext {
  const { orderingKey, traceParent, traceState } = busExtensions;
  return {
    id: event.id,
    topic: text(headers[hookHeaders.topic]) ?? event.type,
    subscription: text(headers[hookHeaders.subscription]),
    attempt: Number(text(headers[hookHeaders.attempt]) ?? 1),
    time: event.time === undefined ? undefined : parseTimestamp(event.time),
    position: index === 0 ? text(headers[hookHeaders.position]) : undefined,
    hops: hopsAfter(event, headers),
    replay: headers[hookHeaders.replay] === 'true',
    traceparent: text(headers['traceparent']) ?? event.extensions[traceParent],
    tracestate: text(headers['tracestate']) ?? event.extensions[traceState],
    key: event.extensions[orderingKey],
    type: event.type,
    source: event.source,
    subject: event.subject,
    contentType: event.datacontenttype,
    event,
  };
}

/** The attribute goes first: the header of a batch speaks of the event in it that went through most. */
function hopsAfter(event: CloudEvent, headers: HeaderValues): number {
  const before = hopsOf(event);
  if (before !== undefined) return before + 1;
  const isBatch = contentModeOf(text(headers['content-type'])) === 'batch';
  return (isBatch ? undefined : hopCountOf(headers[hookHeaders.hops])) ?? 1;
}

const text = (value: string | string[] | undefined): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;
