import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { EventAttributes, NewEvent } from '@hookcast/log';
import {
  contentModeOf,
  deliverAtOf,
  expiresAtOf,
  hopCountOf,
  hookHeaders,
  hopsOf,
  isEventId,
  busExtensions,
  isJsonContentType,
  isUnknownEventFormat,
  mediaTypes,
  orderingKeyOf,
  parseBatch,
  parseBinary,
  parseStructured,
  uuidv7,
  type CloudEvent,
  type ParseResult,
} from '@hookcast/protocol';
import { parseDuration } from '../http/duration.js';
import { idempotencyKey } from '../http/idempotency-key.js';
import { Problem, type FieldError } from '../http/problem.js';
import { invalid } from '../http/validation.js';
import { placesOf, type PublishPlaces } from './publish-places.js';
import { traceOf, type Trace } from './trace-context.js';

export interface PublishLimits {
  maxEventBytes: number;
  maxBatchBytes: number;
  maxBatchEvents: number;
  /** Hooks that an event's ancestors may have gone through. */
  maxHops: number;
}

/** A publish request as it arrived. */
export interface PublishRequest {
  topic: string;
  headers: IncomingHttpHeaders;
  query: URLSearchParams;
  body: Buffer;
}

export interface PublishReading {
  form: 'single' | 'batch';
  events: NewEvent[];
  /** Where the request says what a refusal of its events is about. */
  places: PublishPlaces;
}

/** What the attributes of a structured event may add to its data. */
const envelopeBytes = 16_384;

/** Bytes that a body with this Content-Type may have. The data of a structured event may be base64. */
export function maxBodyBytes(contentType: string | undefined, limits: PublishLimits): number {
  switch (contentModeOf(contentType)) {
    case 'batch':
      return limits.maxBatchBytes;
    case 'structured':
      return Math.ceil((limits.maxEventBytes * 4) / 3) + envelopeBytes;
    case 'binary':
      return limits.maxEventBytes;
  }
}

/**
 * The events in a publish request, in any of the three forms of CloudEvents.
 *
 * @throws Problem unsupported-media-type, payload-too-large or validation-failed
 */
export function readPublish(request: PublishRequest, limits: PublishLimits, now: Date): PublishReading {
  const contentType = request.headers['content-type'];
  if (isUnknownEventFormat(contentType)) {
    const detail = `Of the CloudEvents formats, ${mediaTypes.structured} and ${mediaTypes.batch} are understood.`;
    throw new Problem('unsupported-media-type', { detail });
  }
  const deliverAt = delayedUntil(request.query, now);
  const form = contentModeOf(contentType) === 'batch' ? 'batch' : 'single';
  const cloudEvents = parse(request, limits, now);
  refuseOversized(cloudEvents, form, limits.maxEventBytes);
  const trace = traceOf(request.headers);
  const hops = hopsOfRequest(request.headers);
  refuseLoop(cloudEvents, hops, limits.maxHops);
  const events = cloudEvents.map((event) => toNewEvent(event, { trace, deliverAt, hops }));
  return { form, events, places: placesOf(request.headers, cloudEvents) };
}

function parse({ topic, headers, body }: PublishRequest, limits: PublishLimits, now: Date): CloudEvent[] {
  const key = idempotencyKey(singleHeader(headers['idempotency-key']));
  const newId = () => key ?? uuidv7(now.getTime());
  switch (contentModeOf(headers['content-type'])) {
    case 'batch': {
      const idAt = (index: number) => (key === undefined ? uuidv7(now.getTime()) : idInBatch(key, index));
      return accepted(parseBatch(body, { maxEvents: limits.maxBatchEvents }, { id: idAt }));
    }
    case 'structured':
      return [accepted(parseStructured(body, { id: newId }))];
    case 'binary':
      refuseEmpty(headers, body);
      return [acceptedBinary(parseBinary(headers, body, { id: newId, source: `/topics/${topic}`, type: topic }))];
  }
}

/** Each event of a repeated batch has to find its own id again, also under a key that leaves no room for its number. */
function idInBatch(key: string, index: number): string {
  const id = `${key}:${index}`;
  return isEventId(id) ? id : `${createHash('sha256').update(key).digest('hex')}:${index}`;
}

function accepted<T>(result: ParseResult<T>): T {
  if (result.kind === 'malformed') throw invalid(result.errors);
  return result.value;
}

/** A Content-Type that is none is no fault of the content. */
function acceptedBinary(result: ParseResult<CloudEvent>): CloudEvent {
  const fault = result.kind === 'malformed' && result.errors.find(({ pointer }) => pointer === '/content-type');
  if (fault) throw new Problem('unsupported-media-type', { detail: `Content-Type ${fault.detail}.` });
  return accepted(result);
}

/**
 * No bytes are data like any other, except of JSON, which has no such text. An event may also be without data, but only
 * one that says something else: an empty body alone, of no type, is a mistake.
 */
function refuseEmpty(headers: IncomingHttpHeaders, body: Buffer): void {
  if (body.length > 0) return;
  const contentType = headers['content-type'];
  const saysSomething = contentType !== undefined || Object.keys(headers).some((name) => name.startsWith('ce-'));
  if (saysSomething && !isJsonContentType(contentType)) return;
  throw invalid([{ pointer: '', detail: 'is empty' }]);
}

function refuseOversized(events: readonly CloudEvent[], form: 'single' | 'batch', maxEventBytes: number): void {
  const errors: FieldError[] = [];
  for (const [index, { data }] of events.entries()) {
    if (data !== undefined && data.length > maxEventBytes) {
      const pointer = form === 'batch' ? `/${index}/data` : '/data';
      errors.push({ pointer, detail: `has ${data.length} bytes, more than the ${maxEventBytes} an event may have` });
    }
  }
  if (errors.length > 0) throw new Problem('payload-too-large', { errors });
}

/** What a service passes on from the hook request it answers, for each event that has no count of its own. */
function hopsOfRequest(headers: IncomingHttpHeaders): number {
  const text = headers[hookHeaders.hops];
  if (text === undefined) return 0;
  const hops = hopCountOf(text);
  if (hops === undefined) throw invalid([{ pointer: `/${hookHeaders.hops}`, detail: 'must be a whole number' }]);
  return hops;
}

/** A service that publishes what it receives, to where it comes from, would go on for ever. */
function refuseLoop(events: readonly CloudEvent[], hopsByHeader: number, maxHops: number): void {
  const hops = events.reduce((most, event) => Math.max(most, hopsOf(event) ?? hopsByHeader), 0);
  if (hops <= maxHops) return;
  throw new Problem('too-many-hops', { detail: `${hops} hooks lie behind this event; ${maxHops} are allowed.` });
}

/** `?delay=30s` as a time; any other parameter is unknown. */
function delayedUntil(query: URLSearchParams, now: Date): Date | undefined {
  const unknown = [...query.keys()].filter((name) => name !== 'delay');
  if (unknown.length > 0)
    throw invalid(unknown.map((name) => ({ pointer: `/${name}`, detail: 'is not a known parameter' })));
  const texts = query.getAll('delay');
  if (texts.length === 0) return undefined;
  const delayMs = texts.length === 1 ? parseDuration(texts[0] ?? '') : undefined;
  if (delayMs === undefined)
    throw invalid([{ pointer: '/delay', detail: 'must be one duration like 500ms, 30s, 5m or 2h' }]);
  return delayMs === 0 ? undefined : new Date(now.getTime() + delayMs);
}

/** Attributes with a column of their own, or that travel as a trace. */
const notExtensions = new Set(['partitionkey', 'traceparent', 'tracestate']);

function toNewEvent(
  event: CloudEvent,
  request: { trace: Trace | undefined; deliverAt: Date | undefined; hops: number },
): NewEvent {
  const key = orderingKeyOf(event);
  const deliverAt = deliverAtOf(event) ?? request.deliverAt;
  const expiresAt = expiresAtOf(event);
  return {
    id: event.id,
    type: event.type,
    source: event.source,
    data: event.data,
    attributes: attributesOf(event, request),
    ...(event.subject !== undefined && { subject: event.subject }),
    ...(event.datacontenttype !== undefined && { contentType: event.datacontenttype }),
    ...(key !== undefined && { key }),
    ...(deliverAt !== undefined && { deliverAt }),
    ...(expiresAt !== undefined && { expiresAt }),
  };
}

function attributesOf(event: CloudEvent, request: { trace: Trace | undefined; hops: number }): EventAttributes {
  const attributes: EventAttributes = { ...(traceOf(event.extensions) ?? request.trace), ...scalarsOf(event) };
  if (event.time !== undefined) attributes.time = event.time;
  if (event.dataschema !== undefined) attributes.dataschema = event.dataschema;
  if (request.hops > 0) attributes.extensions = { [busExtensions.hops]: String(request.hops) };
  for (const name in event.extensions) {
    if (!notExtensions.has(name)) (attributes.extensions ??= {})[name] = event.extensions[name] ?? '';
  }
  return attributes;
}

/** Those of the extensions that were JSON numbers or booleans. */
function scalarsOf({ scalars = [] }: CloudEvent): Pick<EventAttributes, 'scalars'> {
  const kept = scalars.filter((name) => !notExtensions.has(name));
  return kept.length > 0 ? { scalars: kept } : {};
}

function singleHeader(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(',') : value;
}
