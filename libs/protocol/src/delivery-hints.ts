import type { CloudEvent } from './cloud-event.js';
import { parseTimestamp } from './timestamp.js';

/** The extension attributes the bus acts on; the parsers have checked their values. */
export const busExtensions = {
  /** Events with the same value keep their order in a stream. CloudEvents partitioning extension. */
  orderingKey: 'partitionkey',
  /** Not delivered before. RFC 3339. */
  deliverAt: 'deliverat',
  /** Dead-lettered once past. RFC 3339. CloudEvents expirytime extension. */
  expiresAt: 'expirytime',
  /** W3C Trace Context. CloudEvents distributed tracing extension. */
  traceParent: 'traceparent',
  traceState: 'tracestate',
  /** How many hooks the event's ancestors went through before it was published; absent means none. */
  hops: 'hookcasthops',
} as const;

/** The event's ordering key, if it has one. */
export function orderingKeyOf(event: CloudEvent): string | undefined {
  return event.extensions[busExtensions.orderingKey];
}

/** The time before which the event must not be delivered. */
export function deliverAtOf(event: CloudEvent): Date | undefined {
  return timestampIn(event, busExtensions.deliverAt);
}

/** The time after which the event is no longer worth delivering. */
export function expiresAtOf(event: CloudEvent): Date | undefined {
  return timestampIn(event, busExtensions.expiresAt);
}

/** How many hooks the event's ancestors went through; undefined when it does not say. */
export function hopsOf(event: Pick<CloudEvent, 'extensions'>): number | undefined {
  return hopCountOf(event.extensions[busExtensions.hops]);
}

/** A hop count as an attribute or the header `hookcast-hops` has it; undefined for any other text. */
export function hopCountOf(text: string | string[] | undefined): number | undefined {
  return typeof text === 'string' && /^\d{1,6}$/.test(text) ? Number(text) : undefined;
}

function timestampIn(event: CloudEvent, name: string): Date | undefined {
  const text = event.extensions[name];
  return text === undefined ? undefined : parseTimestamp(text);
}
