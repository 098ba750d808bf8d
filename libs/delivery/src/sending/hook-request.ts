import { hookHeaders, parseSecret, sign, type SigningKey } from '@hookcast/protocol';
import type { HookAccess, HookTls } from '@hookcast/egress';
import { customHeaders } from './custom-headers.js';
import type { HookEvent, HookFormat } from './hook-event.js';

/** What a subscription says about batches. */
export interface BatchPolicy {
  /** 1 to 1,000. */
  readonly maxEvents: number;
  /** Bytes of the body; a single larger event goes by itself. */
  readonly maxBytes: number;
}

/** What the request of a subscription depends on besides the event. */
export interface HookTarget {
  name: string;
  url: string;
  format: HookFormat;
  timeoutMs: number;
  /** Several events in one request, in format cloudevents; null for one at a time. */
  batch: BatchPolicy | null;
  /** Extra headers the subscription asks for. */
  headers: Readonly<Record<string, string>>;
  /** Who sends, for a hook that granted it in a handshake. */
  origin?: string;
  signature: 'hmac' | 'ed25519' | 'both';
  /** `whsec_…`, newest first: each signs, while a secret rotates. */
  secrets: readonly string[];
  /** `whsk_…` */
  signingKeys: readonly string[];
  /** Credentials besides the signature. */
  credentials?: HookCredentials;
}

/** How the broker identifies itself to a hook, besides signing. */
export interface HookCredentials {
  /** The value of the Authorization header. */
  authorization?: string;
  /** Instead, one that has to be fetched. */
  access?: HookAccess;
  tls?: HookTls;
}

/** The parts of a request that stay the same for every event of a subscription; made once, not per attempt. */
export interface HookTemplate {
  url: string;
  format: HookFormat;
  /** Requests carry batches. */
  isBatch: boolean;
  timeoutMs: number;
  subscription: string;
  userAgent: string;
  /** The subscription's own headers; undefined when it has none. */
  headers: Readonly<Record<string, string>> | undefined;
  keys: readonly SigningKey[];
  /** What the connection or the token takes; undefined for most. */
  transport: Pick<HookRequest, 'access' | 'tls'> | undefined;
}

export interface HookRequest {
  url: string;
  headers: Record<string, string>;
  body: Buffer;
  timeoutMs: number;
  access?: HookAccess;
  tls?: HookTls;
  /** Bytes of the answer's body to keep; undefined for what the client keeps. */
  storedResponseBytes?: number;
}

/** What a request says about the attempt that it is. */
export interface AttemptMark {
  /** From 1. In a batch, the highest of its events. */
  number: number;
  isReplay: boolean;
  /** In a batch, that of each event. @default the number */
  each?: readonly number[] | undefined;
}

/**
 * @param userAgent value of the user-agent header, `Hookcast/<version>`
 * @throws SecretError when a secret is not in its textual form
 */
export function hookTemplate(target: HookTarget, userAgent: string): HookTemplate {
  const { authorization, ...transport } = target.credentials ?? {};
  const { origin } = target;
  const own = {
    ...customHeaders(target.headers),
    ...(origin !== undefined && { origin }),
    ...(authorization !== undefined && { authorization }),
  };
  const { url, format, timeoutMs, name: subscription } = target;
  return {
    url,
    format,
    isBatch: target.batch !== null,
    timeoutMs,
    subscription,
    userAgent,
    headers: Object.keys(own).length === 0 ? undefined : own,
    keys: signingKeysOf(target),
    transport: Object.keys(transport).length === 0 ? undefined : transport,
  };
}

function signingKeysOf({ signature, secrets, signingKeys }: HookTarget): SigningKey[] {
  const texts = signature === 'hmac' ? secrets : signature === 'ed25519' ? signingKeys : [...secrets, ...signingKeys];
  return texts.map(parseSecret);
}

/**
 * One attempt: the shared body of the event under headers of its own, signed for this moment. The headers that every
 * request has are one literal, since an object put together key by key would be a dictionary, and slow.
 *
 * @param attempt number of the attempt, from 1
 * @param timestamp unix seconds
 */
export function hookRequest(
  template: HookTemplate,
  event: HookEvent,
  attempt: AttemptMark,
  timestamp: number,
): HookRequest {
  const { bytes, contentType, headers: eventHeaders } = event.body(template.format);
  const id = event.webhookId;
  const headers: Record<string, string> = {
    'user-agent': template.userAgent,
    'content-type': contentType ?? '',
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': sign({ id, timestamp, body: bytes }, template.keys),
    'hookcast-topic': event.stored.topic,
    'hookcast-subscription': template.subscription,
    'hookcast-attempt': String(attempt.number),
    'hookcast-position': event.position,
    'hookcast-hops': event.hops,
  };
  if (contentType === undefined) delete headers['content-type'];
  if (attempt.isReplay) headers[hookHeaders.replay] = 'true';
  if (eventHeaders !== undefined) Object.assign(headers, eventHeaders);
  if (template.headers !== undefined) Object.assign(headers, template.headers);
  const request = { url: template.url, headers, body: bytes, timeoutMs: template.timeoutMs };
  return template.transport === undefined ? request : { ...request, ...template.transport };
}
