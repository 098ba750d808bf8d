import type { EventView } from '@hookcast/filter';
import type { StoredEvent } from '@hookcast/log';
import { formatPosition } from '@hookcast/log';
import {
  busExtensions,
  escapeWebhookId,
  formatBinary,
  formatStandardPayload,
  formatStructured,
  hopCountOf,
  mediaTypes,
  type CloudEvent,
} from '@hookcast/protocol';
import { eventView } from '../reading/event-view.js';

export type HookFormat = 'cloudevents' | 'cloudevents-binary' | 'standard-webhooks';

/** What a request carries of an event, whoever receives it and however often. */
export interface HookBody {
  bytes: Buffer;
  /** Media type of the bytes; undefined for an event without data in binary form. */
  contentType: string | undefined;
  /** Headers that few events have: a trace, and the `ce-` attributes of the binary form. */
  headers: Readonly<Record<string, string>> | undefined;
}

/** What an event costs in memory besides its data: its attributes, this object and the headers. */
const overheadBytes = 800;

/**
 * An event on its way to hooks. Its body is built once for each format, at first use, and shared by all subscriptions
 * and attempts.
 */
export class HookEvent {
  readonly seq: number;
  /** Time it was stored, unix milliseconds. */
  readonly at: number;
  /** Not to be delivered before, unix milliseconds; 0 when it may be at once. */
  readonly deliverAt: number;
  /** Not worth delivering from then on, unix milliseconds; Infinity when it always is. */
  readonly expiresAt: number;
  readonly position: string;
  readonly webhookId: string;
  /** How many hooks it and its ancestors will have gone through with the next one. */
  readonly hops: string;
  private seen: EventView | undefined;
  private structured: HookBody | undefined;
  private binary: HookBody | undefined;
  private standard: HookBody | undefined;
  private asCloudEvent: CloudEvent | undefined;

  constructor(readonly stored: StoredEvent) {
    this.seq = stored.seq;
    this.at = stored.createdAt.getTime();
    this.deliverAt = stored.deliverAt?.getTime() ?? 0;
    this.expiresAt = stored.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY;
    this.position = formatPosition(stored.streamId, stored.seq);
    this.webhookId = escapeWebhookId(stored.id);
    this.hops = hopsAfter(stored);
  }

  /** About what it occupies in memory. */
  get bytes(): number {
    return overheadBytes + 2 * (this.stored.data?.length ?? 0);
  }

  /** What filters see: data is parsed once for all of them, when the first asks. */
  get view(): EventView {
    return (this.seen ??= eventView(this.stored));
  }

  body(format: HookFormat): HookBody {
    switch (format) {
      case 'cloudevents':
        return (this.structured ??= this.jsonBody(structuredType, formatStructured(this.cloudEvent)));
      case 'cloudevents-binary':
        return (this.binary ??= this.binaryBody());
      case 'standard-webhooks':
        return (this.standard ??= this.jsonBody('application/json', formatStandardPayload(this.cloudEvent)));
    }
  }

  private get cloudEvent(): CloudEvent {
    return (this.asCloudEvent ??= cloudEventOf(this.stored));
  }

  private jsonBody(contentType: string, bytes: Buffer): HookBody {
    return { bytes, contentType, headers: traceOf(this.stored) };
  }

  private binaryBody(): HookBody {
    const { headers, body: bytes } = formatBinary(this.cloudEvent);
    const { 'content-type': contentType, ...attributes } = headers;
    return { bytes, contentType, headers: { ...attributes, ...traceOf(this.stored) } };
  }
}

const structuredType = `${mediaTypes.structured}; charset=utf-8`;
const headerText = /^[\x21-\x7e]{1,512}$/;

function hopsAfter({ attributes }: StoredEvent): string {
  return String((hopCountOf(attributes.extensions?.[busExtensions.hops]) ?? 0) + 1);
}

/** The publisher's trace goes on: W3C Trace Context headers, as far as their text is fit for a header. */
function traceOf({ attributes }: StoredEvent): Record<string, string> | undefined {
  const traceparent = attributes.traceparent ?? attributes.extensions?.[busExtensions.traceParent];
  if (traceparent === undefined || !headerText.test(traceparent)) return undefined;
  const tracestate = attributes.tracestate ?? attributes.extensions?.[busExtensions.traceState];
  return tracestate !== undefined && headerText.test(tracestate) ? { traceparent, tracestate } : { traceparent };
}

/** The CloudEvent that was published; `time` is the time of storing when the publisher gave none. */
function cloudEventOf(stored: StoredEvent): CloudEvent {
  const { attributes } = stored;
  const event: CloudEvent = {
    id: stored.id,
    source: stored.source,
    type: stored.type,
    time: attributes.time ?? stored.createdAt.toISOString(),
    extensions: extensionsOf(stored),
  };
  if (stored.subject !== undefined) event.subject = stored.subject;
  if (attributes.dataschema !== undefined) event.dataschema = attributes.dataschema;
  if (attributes.scalars !== undefined) event.scalars = attributes.scalars;
  if (stored.contentType !== undefined) event.datacontenttype = stored.contentType;
  if (stored.data !== undefined) event.data = stored.data;
  return event;
}

/** An ordering key or trace that came by header instead of as an extension attribute is one for the hook. */
function extensionsOf({ attributes, key }: StoredEvent): Record<string, string> {
  const byHeader: Record<string, string> = {};
  if (key !== undefined) byHeader[busExtensions.orderingKey] = key;
  if (attributes.traceparent !== undefined) byHeader[busExtensions.traceParent] = attributes.traceparent;
  if (attributes.tracestate !== undefined) byHeader[busExtensions.traceState] = attributes.tracestate;
  return { ...byHeader, ...attributes.extensions };
}
