import {
  busExtensions,
  hookHeaders,
  hopCountOf,
  hopsOf,
  isJsonContentType,
  parseTimestamp,
  type CloudEvent,
  type HeaderValues,
} from '@hookcast/protocol';
import type { BatchPlace } from './batch-places.js';
import type { ReadEvent } from './plain-event.js';

/** Everything about a delivered event besides its data. */
export interface EventContext {
  /** The event's id: the same on every attempt and in replays, so what to recognise duplicates by. */
  id: string;
  /** The topic it was published to. */
  topic: string;
  /** The subscription that is served; undefined when the sender does not say. */
  subscription: string | undefined;
  /**
   * What an inbox keeps ids apart by: the subscription when this receiver, or the handler, declares it; otherwise nothing,
   * since the header that names it is not signed, and another name would make a handled event look new.
   */
  dedupeScope: string;
  /** Number of this attempt, from 1. */
  attempt: number;
  /** When it happened, by its publisher, or was stored. */
  time: Date | undefined;
  /** Where it stands in the log, `<stream>:<seq>`; undefined in a batch whose positions would have been too long to tell. */
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

/** The value that an event's data stands for. */
export function valueOf({ data, datacontenttype }: CloudEvent): unknown {
  return data !== undefined && isJsonContentType(datacontenttype) ? JSON.parse(data.toString('utf8')) : data;
}

/**
 * @param headers of the request that delivered it
 * @param place in a batch; undefined for an event on its own
 */
export function deliveredEvent({ event, value }: ReadEvent, headers: HeaderValues, place?: BatchPlace): DeliveredEvent {
  return { data: value, context: contextOf(event, headers, place) };
}

function contextOf(event: CloudEvent, headers: HeaderValues, place: BatchPlace | undefined): EventContext {
  const { orderingKey, traceParent, traceState } = busExtensions;
  return {
    id: event.id,
    topic: text(headers[hookHeaders.topic]) ?? event.type,
    subscription: text(headers[hookHeaders.subscription]),
    dedupeScope: '',
    attempt: place?.attempt ?? attemptOf(headers[hookHeaders.attempt]),
    time: event.time === undefined ? undefined : parseTimestamp(event.time),
    position: place === undefined ? text(headers[hookHeaders.position]) : place.position,
    hops: hopsAfter(event, place === undefined ? headers[hookHeaders.hops] : undefined),
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

/**
 * The attribute goes first.
 *
 * @param header of an event on its own; that of a batch speaks of the event in it that went through most
 */
function hopsAfter(event: CloudEvent, header: string | string[] | undefined): number {
  const before = hopsOf(event);
  return before === undefined ? hopCountOf(header) || 1 : before + 1;
}

/** The header is not signed, so it may hold anything. */
const attemptOf = (header: string | string[] | undefined): number =>
  typeof header === 'string' && /^\d{1,6}$/.test(header) ? Number(header) || 1 : 1;

const text = (value: string | string[] | undefined): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;
