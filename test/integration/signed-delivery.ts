import { generateKeyPairSync } from 'node:crypto';
import {
  batchWebhookId,
  escapeWebhookId,
  formatBatch,
  formatBinary,
  formatStandardPayload,
  formatStructured,
  mediaTypes,
  parseSecret,
  sign,
  type CloudEvent,
} from '@hookcast/protocol';

type Format = 'cloudevents' | 'cloudevents-binary' | 'standard-webhooks';

export interface Delivery {
  secret: string;
  topic?: string;
  subscription?: string;
  format?: Format;
  headers?: Record<string, string>;
}

export const orderEvent = (id: string, data: unknown = { orderId: id }): CloudEvent => ({
  id,
  source: '/orders',
  type: 'orders.created',
  time: '2026-11-24T12:00:00Z',
  datacontenttype: 'application/json',
  extensions: {},
  data: Buffer.from(JSON.stringify(data)),
});

function formatted(event: CloudEvent, format: Format): { headers: Record<string, string>; body: Buffer } {
  switch (format) {
    case 'cloudevents':
      return { headers: { 'content-type': `${mediaTypes.structured}; charset=utf-8` }, body: formatStructured(event) };
    case 'cloudevents-binary':
      return formatBinary(event);
    case 'standard-webhooks':
      return { headers: { 'content-type': 'application/json' }, body: formatStandardPayload(event) };
  }
}

/** The request by which the broker would deliver the event. */
export function hookRequestOf(event: CloudEvent, delivery: Delivery): RequestInit & { body: Buffer } {
  const { headers, body } = formatted(event, delivery.format ?? 'cloudevents');
  return signedRequest(escapeWebhookId(event.id), headers, body, delivery);
}

export function batchRequestOf(events: readonly CloudEvent[], delivery: Delivery): RequestInit & { body: Buffer } {
  const id = batchWebhookId(events[0]?.id ?? '', events.length);
  return signedRequest(id, { 'content-type': `${mediaTypes.batch}; charset=utf-8` }, formatBatch(events), delivery);
}

function signedRequest(
  id: string,
  headers: Record<string, string>,
  body: Buffer,
  { secret, topic = 'orders.created', subscription, headers: extra }: Delivery,
): RequestInit & { body: Buffer } {
  const timestamp = Math.floor(Date.now() / 1000);
  return {
    method: 'POST',
    headers: {
      ...headers,
      'webhook-id': id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': sign({ id, timestamp, body }, [parseSecret(secret)]),
      'hookcast-topic': topic,
      'hookcast-attempt': '1',
      ...(subscription === undefined ? {} : { 'hookcast-subscription': subscription }),
      ...extra,
    },
    body,
  };
}

/** An Ed25519 key of a broker: the secret to sign with, and what it publishes. */
export function signingPair(): { secret: string; publicKey: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const seed = privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-32);
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  return { secret: `whsk_${seed.toString('base64')}`, publicKey: `whpk_${raw.toString('base64')}` };
}
