import {
  escapeWebhookId,
  formatBinary,
  formatStandardPayload,
  formatStructured,
  hookHeaders,
  mediaTypes,
  parseSecret,
  sign,
  type CloudEvent,
} from '@hookcast/protocol';

export interface SignedRequestOptions {
  /** `whsec_…`, the one the receiver verifies with. */
  secret: string;
  topic: string;
  /** @default none, as from a sender that names none */
  subscription?: string | undefined;
  /** @default 1 */
  attempt?: number | undefined;
  /** As a subscription's `format`. @default 'cloudevents' */
  format?: 'cloudevents' | 'cloudevents-binary' | 'standard-webhooks' | undefined;
  /** When it is signed. @default now */
  at?: Date | undefined;
}

/** A request as the broker sends it; names of headers in lower case. */
export interface SignedHookRequest {
  method: 'POST';
  headers: Record<string, string>;
  body: Buffer;
}

/**
 * The request by which the broker would deliver an event.
 *
 * @throws {SecretError} when the secret is not in its textual form
 */
export function signedRequest(event: CloudEvent, options: SignedRequestOptions): SignedHookRequest {
  const { secret, topic, subscription, attempt = 1, at = new Date() } = options;
  const { headers, body } = formatted(event, options.format ?? 'cloudevents');
  const id = escapeWebhookId(event.id);
  const timestamp = Math.floor(at.getTime() / 1000);
  return {
    method: 'POST',
    headers: {
      ...headers,
      [hookHeaders.id]: id,
      [hookHeaders.timestamp]: String(timestamp),
      [hookHeaders.signature]: sign({ id, timestamp, body }, [parseSecret(secret)]),
      [hookHeaders.topic]: topic,
      [hookHeaders.attempt]: String(attempt),
      ...(subscription !== undefined && { [hookHeaders.subscription]: subscription }),
    },
    body,
  };
}

function formatted(
  event: CloudEvent,
  format: NonNullable<SignedRequestOptions['format']>,
): { headers: Record<string, string>; body: Buffer } {
  switch (format) {
    case 'cloudevents':
      return { headers: { 'content-type': `${mediaTypes.structured}; charset=utf-8` }, body: formatStructured(event) };
    case 'cloudevents-binary':
      return formatBinary(event);
    case 'standard-webhooks':
      return { headers: { 'content-type': 'application/json' }, body: formatStandardPayload(event) };
  }
}
