import {
  batchWebhookId,
  contentModeOf,
  escapeWebhookId,
  hookHeaders,
  parseBatch,
  parseBinary,
  parseStructured,
  type CloudEvent,
  type ContentMode,
  type HeaderValues,
  type ParseResult,
  type SignedRequest,
  type VerificationKeys,
  type VerifyOptions,
} from '@hookcast/protocol';
import { batchPlaces } from './batch-places.js';
import { deliveredEvent, valueOf, type DeliveredEvent } from './event-context.js';
import { HookRequestError, refused, type Refusal } from './hook-request-error.js';
import { Keyring } from './keyring.js';
import { parsePlainBinary } from './plain-binary.js';
import { parsePlainEnvelope } from './plain-envelope.js';
import type { ReadEvent } from './plain-event.js';
import { parseStandardPayload } from './standard-payload.js';

/** A request that a hook accepted. */
export interface OpenedRequest {
  kind: 'opened';
  /** True for a batch, which may be answered event by event. */
  isBatch: boolean;
  events: DeliveredEvent[];
}

/** Verifies the signature over the raw bytes and only then reads the events, whichever form they are in. */
export function openRequest(
  request: SignedRequest,
  keyring: Keyring,
  options: VerifyOptions = {},
): OpenedRequest | Refusal {
  const verified = keyring.verify(request, options);
  if (verified.kind === 'refused') return verified;
  const mode = contentModeOf(contentTypeOf(request.headers));
  const read = mode === 'batch' ? readBatch(request.body) : readOne(request, mode);
  if (read.kind === 'malformed') {
    const faults = read.errors.map(({ pointer, detail }) => `${pointer} ${detail}`.trim()).join('; ');
    return refused('malformed-event', `The request carries no event: ${faults}.`);
  }
  const { value } = read;
  if (!isNamed(value, request.headers)) {
    return refused('id-mismatch', 'The signed webhook-id is not that of what the request carries.');
  }
  if (!Array.isArray(value)) {
    return { kind: 'opened', isBatch: false, events: [deliveredEvent(value, request.headers)] };
  }
  const places = batchPlaces(request.headers, value.length);
  const events = value.map((one, index) => deliveredEvent(one, request.headers, places[index]));
  return { kind: 'opened', isBatch: true, events };
}

/**
 * Verifies one request and reads its events, for code that answers requests itself.
 *
 * @param request names of headers in lower case; the body as it came, before any parser
 * @throws {HookRequestError} when the request is refused
 * @throws {SecretError} when a key is not in its textual form
 */
export function verifyHookRequest(
  request: SignedRequest,
  keys: VerificationKeys,
  options: VerifyOptions = {},
): Omit<OpenedRequest, 'kind'> {
  const opened = openRequest(request, new Keyring(keys), options);
  if (opened.kind === 'refused') throw new HookRequestError(opened);
  return { isBatch: opened.isBatch, events: opened.events };
}

/**
 * True when the signed id is that of the event or the batch. In binary form the event's id is a header that nobody signed:
 * with another one a captured request would pass for a new event.
 */
function isNamed(value: ReadEvent | ReadEvent[], headers: HeaderValues): boolean {
  const signedId = headers[hookHeaders.id];
  if (!Array.isArray(value)) return escapeWebhookId(value.event.id) === signedId;
  const [first] = value;
  return first !== undefined && batchWebhookId(first.event.id, value.length) === signedId;
}

function readOne({ headers, body }: SignedRequest, mode: Exclude<ContentMode, 'batch'>): ParseResult<ReadEvent> {
  if (mode === 'structured') return plainOr(parsePlainEnvelope(body), () => parseStructured(body));
  // The media type is that of the data in binary form and plain JSON in Standard Webhooks: only `ce-` tells.
  if (headers['ce-id'] === undefined) return parseStandardPayload(headers, body);
  return plainOr(parsePlainBinary(headers, body), () => parseBinary(headers, body));
}

function readBatch(body: Buffer): ParseResult<ReadEvent[]> {
  const result = parseBatch(body);
  return result.kind === 'ok' ? { kind: 'ok', value: result.value.map(withValue) } : result;
}

function plainOr(plain: ReadEvent | undefined, readWhole: () => ParseResult<CloudEvent>): ParseResult<ReadEvent> {
  if (plain !== undefined) return { kind: 'ok', value: plain };
  const result = readWhole();
  return result.kind === 'ok' ? { kind: 'ok', value: withValue(result.value) } : result;
}

const withValue = (event: CloudEvent): ReadEvent => ({ event, value: valueOf(event) });

function contentTypeOf(headers: HeaderValues): string | undefined {
  const value = headers['content-type'];
  return typeof value === 'string' ? value : undefined;
}
