import {
  contentModeOf,
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
import { deliveredEvent, deliveredPlain, type DeliveredEvent } from './event-context.js';
import { HookRequestError, refused, type Refusal } from './hook-request-error.js';
import { Keyring } from './keyring.js';
import { parsePlainEnvelope } from './plain-envelope.js';
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
  const plain = mode === 'structured' ? parsePlainEnvelope(request.body) : undefined;
  if (plain !== undefined) {
    return { kind: 'opened', isBatch: false, events: [deliveredPlain(plain, request.headers)] };
  }
  const parsed = parse(request, mode);
  if (parsed.kind === 'malformed') {
    const faults = parsed.errors.map(({ pointer, detail }) => `${pointer} ${detail}`.trim()).join('; ');
    return refused('malformed-event', `The request carries no event: ${faults}.`);
  }
  const events = parsed.value.map((event, index) => deliveredEvent(event, request.headers, index));
  return { kind: 'opened', isBatch: mode === 'batch', events };
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

function parse({ headers, body }: SignedRequest, mode: ContentMode): ParseResult<CloudEvent[]> {
  switch (mode) {
    case 'batch':
      return parseBatch(body);
    case 'structured':
      return listOf(parseStructured(body));
    case 'binary':
      // The media type is that of the data in binary form and plain JSON in Standard Webhooks: only `ce-` tells.
      return listOf(headers['ce-id'] === undefined ? parseStandardPayload(headers, body) : parseBinary(headers, body));
  }
}

function contentTypeOf(headers: HeaderValues): string | undefined {
  const value = headers['content-type'];
  return typeof value === 'string' ? value : undefined;
}

const listOf = (result: ParseResult<CloudEvent>): ParseResult<CloudEvent[]> =>
  result.kind === 'ok' ? { kind: 'ok', value: [result.value] } : result;
