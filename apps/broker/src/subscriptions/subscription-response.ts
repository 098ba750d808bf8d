import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import type { HookFormat, Ordering, SignatureKind, Subscription, SubscriptionState } from '@hookcast/database';
import { redacted } from '../audit/redaction.js';
import type { Principal } from '../auth/scope.js';
import { firstUncovered } from '../auth/topic-containment.js';
import { PageResponse } from '../http/page.js';
import { BlockedKeyResponse } from './blocked-keys.js';
import { HookAuthResponse, HookTlsResponse } from './hook-credentials.dto.js';
import { hookFormats, signatureKinds } from './subscription.dto.js';
import { withoutQueryValues } from './shown-url.js';
import type { SubscriptionFigures } from './subscription-figures.js';
import { troubleKinds, type Trouble, type TroubleKind } from './trouble.js';

const states = ['active', 'paused', 'suspended', 'stale'] as const;

export class RetryResponse {
  @ApiProperty({ type: [Number] })
  schedule!: number[];

  @ApiProperty({ type: Number })
  jitter!: number;
}

export class BatchResponse {
  @ApiProperty({ type: Number })
  maxEvents!: number;

  @ApiProperty({ type: Number })
  maxBytes!: number;
}

export class ParkedResponse {
  @ApiProperty({ enum: ['retry-after', 'failing'], description: 'The hook asked for quiet, or its endpoint is down.' })
  reason!: string;

  @ApiProperty({ type: String, format: 'date-time' })
  since!: string;

  @ApiProperty({ type: String, format: 'date-time', description: 'When it is sent to again, or probed.' })
  until!: string;

  @ApiProperty({ type: Number, description: 'Probes that failed since.' })
  probes!: number;

  @ApiProperty({ type: String, nullable: true, description: 'The last failure.' })
  error!: string | null;
}

export class HandshakeResponse {
  @ApiProperty({ enum: ['granted', 'refused', 'unsupported', 'pending'], description: '`pending`: it is asked again.' })
  status!: 'granted' | 'refused' | 'unsupported' | 'pending';

  @ApiProperty({ enum: ['options', 'echo'], nullable: true })
  by!: 'options' | 'echo' | null;

  @ApiProperty({ type: Number, nullable: true, description: 'Events a minute that the hook allows; null is any rate.' })
  allowedRate!: number | null;

  @ApiProperty({ type: String, nullable: true })
  detail!: string | null;

  @ApiProperty({ type: String, format: 'date-time' })
  askedAt!: string;
}

export class TroubleResponse implements Trouble {
  @ApiProperty({ enum: troubleKinds })
  kind!: TroubleKind;

  @ApiProperty({ type: String, description: 'In words.' })
  reason!: string;
}

export class SubscriptionResponse {
  @ApiProperty({ type: String })
  name!: string;

  @ApiProperty({ type: String, nullable: true })
  service!: string | null;

  @ApiProperty({ type: [String] })
  topics!: string[];

  @ApiProperty({ type: String })
  url!: string;

  @ApiProperty({ type: String, nullable: true })
  filter!: string | null;

  @ApiProperty({ enum: hookFormats })
  format!: HookFormat;

  @ApiProperty({ type: BatchResponse, nullable: true })
  batch!: BatchResponse | null;

  @ApiProperty({ enum: ['none', 'key', 'strict'] })
  ordering!: Ordering;

  @ApiProperty({ type: Number })
  concurrency!: number;

  @ApiProperty({ type: Number, nullable: true })
  rateLimit!: number | null;

  @ApiProperty({ type: Number })
  timeoutMs!: number;

  @ApiProperty({ type: RetryResponse })
  retry!: RetryResponse;

  @ApiProperty({ type: [Number] })
  nonRetryable!: number[];

  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' } })
  headers!: Record<string, string>;

  @ApiProperty({ type: HookAuthResponse, nullable: true, description: 'Without what is secret in it.' })
  auth!: HookAuthResponse | null;

  @ApiProperty({ type: HookTlsResponse, nullable: true })
  tls!: HookTlsResponse | null;

  @ApiProperty({ enum: signatureKinds })
  signature!: SignatureKind;

  @ApiProperty({ type: String })
  startFrom!: string;

  @ApiProperty({ type: Number, nullable: true })
  leaseSeconds!: number | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  leasedUntil!: string | null;

  @ApiProperty({ type: String, description: 'The last characters of the secret that signs.' })
  secretHint!: string;

  @ApiPropertyOptional({ type: String, description: 'Only in answers to a declaration or rotation.' })
  secret?: string;

  @ApiProperty({ enum: states })
  state!: SubscriptionState;

  @ApiProperty({ type: String, nullable: true })
  stateReason!: string | null;

  @ApiProperty({
    type: HandshakeResponse,
    nullable: true,
    description: 'What the hook answered when it was asked whether it takes events; null when it was not asked.',
  })
  handshake!: HandshakeResponse | null;

  @ApiProperty({ type: Number, description: 'Events not settled yet.' })
  backlog!: number;

  @ApiProperty({ type: Number, description: 'Events that went with their day before they were settled.' })
  expired!: number;

  @ApiProperty({ type: Number, description: 'Events kept back by the filter since the subscription exists.' })
  filtered!: number;

  @ApiProperty({ type: Number, nullable: true, description: 'Events a second that the last resume asked for.' })
  drainRate!: number | null;

  @ApiProperty({ type: Number, description: 'Not settled yet of the backlog that the last resume found.' })
  toDrain!: number;

  @ApiProperty({ type: ParkedResponse, nullable: true, description: 'Why nothing is sent although it is active.' })
  parked!: ParkedResponse | null;

  @ApiProperty({ type: Number, nullable: true, description: 'Requests that the answering process would send at once.' })
  window!: number | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  oldestPendingAt!: string | null;

  @ApiProperty({ type: Number, description: 'Events left out by seeks.' })
  skipped!: number;

  @ApiProperty({
    type: [BlockedKeyResponse],
    description: 'Keys whose later events wait for a failing one, under `ordering` `key` or `strict`: the first 20.',
  })
  blockedKeys!: BlockedKeyResponse[];

  @ApiProperty({ type: Number, description: 'Requests under way; those of other processes as of a few seconds ago.' })
  inFlight!: number;

  @ApiProperty({
    type: [TroubleResponse],
    description: 'What keeps it from getting its events as they come, the gravest first; empty where all is well.',
  })
  troubles!: TroubleResponse[];

  @ApiProperty({
    type: Number,
    nullable: true,
    description: 'Delivered share of the attempts of the last hour, 0 to 1.',
  })
  successRate!: number | null;

  @ApiProperty({ type: Number, nullable: true, description: '95th percentile of attempt durations in the last hour.' })
  p95Ms!: number | null;

  @ApiProperty({ type: Number, description: 'Events of the last hour on which the filter failed, which is no match.' })
  filterErrors!: number;

  @ApiProperty({ type: String, format: 'date-time' })
  createdAt!: string;

  @ApiProperty({ type: String, format: 'date-time' })
  updatedAt!: string;
}

export class SubscriptionPage extends PageResponse {
  @ApiProperty({ type: [SubscriptionResponse] })
  items!: SubscriptionResponse[];
}

/** Values of custom headers and of the URL's query may be credentials: whoever may not manage the subscription sees the names. */
export function shownTo({ grants }: Principal, response: SubscriptionResponse): SubscriptionResponse {
  if (grants.admin || firstUncovered(grants.subscribe, response.topics) === undefined) return response;
  const headers = Object.fromEntries(Object.keys(response.headers).map((name) => [name, redacted]));
  return Object.assign(response, { headers, url: withoutQueryValues(response.url) });
}

/** What whoever may manage the subscription sees: never the secret. */
export function toSubscriptionResponse(subscription: Subscription, figures: SubscriptionFigures): SubscriptionResponse {
  const { name, service, topics, url, filter, format, batch, ordering, concurrency, rateLimit, timeoutMs } =
    subscription;
  const { retry, nonRetryable, headers, signature, startFrom, leaseSeconds, state, stateReason } = subscription;
  return {
    name,
    service,
    topics,
    url,
    filter,
    format,
    batch,
    ordering,
    concurrency,
    rateLimit,
    timeoutMs,
    retry,
    nonRetryable,
    headers,
    auth: subscription.auth?.shown ?? null,
    tls: subscription.tls?.shown ?? null,
    signature,
    startFrom,
    leaseSeconds,
    leasedUntil: subscription.leasedUntil?.toISOString() ?? null,
    secretHint: subscription.secrets[0]?.hint ?? '',
    state,
    stateReason,
    drainRate: subscription.drainRate,
    handshake: handshakeOf(subscription),
    ...figures,
    createdAt: subscription.createdAt.toISOString(),
    updatedAt: subscription.updatedAt.toISOString(),
  };
}

function handshakeOf({ handshake }: Subscription): HandshakeResponse | null {
  if (handshake === null) return null;
  const { status, by, allowedRate, detail, askedAt } = handshake;
  return { status, by, allowedRate, detail, askedAt };
}
