import { Check, Column, Entity, Index, PrimaryGeneratedColumn, Unique } from 'typeorm';
import type { PastRotation } from './past-rotation.js';

export type SubscriptionState = 'active' | 'paused' | 'suspended' | 'stale';
export type HookFormat = 'cloudevents' | 'cloudevents-binary' | 'standard-webhooks';
export type Ordering = 'none' | 'key' | 'strict';
export type SignatureKind = 'hmac' | 'ed25519' | 'both';

export interface RetryPolicy {
  /** Seconds to wait before the second, third ... attempt. */
  schedule: number[];
  /** Share of each wait that is random, 0 to 1. */
  jitter: number;
}

export interface BatchPolicy {
  maxEvents: number;
  maxBytes: number;
}

/** One signing key, sealed by the broker's encryption key; several while a secret rotates, newest first. */
export interface SealedSecret {
  kind: 'hmac' | 'ed25519';
  sealed: string;
  hint: string;
  createdAt: string;
  /** Null while current; otherwise the end of its grace period. */
  expiresAt: string | null;
}

/** What may be shown of the credentials that a hook is sent; the whole is sealed. */
export type HookAuthShown =
  | { type: 'basic'; username: string }
  | { type: 'bearer'; tokenHint: string }
  | { type: 'oauth2'; tokenUrl: string; clientId: string; scope: string | null };

export interface SealedHookAuth {
  shown: HookAuthShown;
  sealed: string;
}

/** What may be shown of own TLS material; the whole is sealed. */
export interface HookTlsShown {
  hasCa: boolean;
  hasCert: boolean;
  /** When the client certificate ends. */
  certExpiresAt: string | null;
}

export interface SealedHookTls {
  shown: HookTlsShown;
  sealed: string;
}

/** How the hook of a subscription answered when it was asked whether it takes events. */
export interface SubscriptionHandshake {
  /** `pending`: it is asked again; `unsupported`: it answered and does not know the question. */
  status: 'granted' | 'refused' | 'unsupported' | 'pending';
  by: 'options' | 'echo' | null;
  /** Events a minute that the hook allows; null is any. */
  allowedRate: number | null;
  detail: string | null;
  /** RFC 3339. */
  askedAt: string;
  tries: number;
}

/** A named, durable interest of a service: topic patterns, a hook URL and a delivery policy. */
@Entity('subscriptions')
@Check('subscriptions_state_known', "state in ('active', 'paused', 'suspended', 'stale')")
@Check('subscriptions_format_known', "format in ('cloudevents', 'cloudevents-binary', 'standard-webhooks')")
@Check('subscriptions_ordering_known', "ordering in ('none', 'key', 'strict')")
@Check('subscriptions_concurrency_positive', 'concurrency > 0')
@Check('subscriptions_timeout_positive', 'timeout_ms > 0')
@Check('subscriptions_signature_known', "signature in ('hmac', 'ed25519', 'both')")
@Unique('subscriptions_namespace_name_unique', ['namespace', 'name'])
@Index('subscriptions_of_service', ['namespace', 'service'])
export class Subscription {
  @PrimaryGeneratedColumn('identity', {
    type: 'integer',
    generatedIdentity: 'BY DEFAULT',
    primaryKeyConstraintName: 'subscriptions_pk',
  })
  id!: number;

  @Column('text', { default: 'active' })
  state!: SubscriptionState;

  @Column('text', { name: 'state_reason', nullable: true })
  stateReason!: string | null;

  @Column('text', { default: 'default' })
  namespace!: string;

  @Column('text')
  name!: string;

  @Column('text', { nullable: true })
  service!: string | null;

  @Column('text', { array: true })
  topics!: string[];

  @Column('text')
  url!: string;

  @Column('text', { nullable: true })
  filter!: string | null;

  @Column('text')
  format!: HookFormat;

  @Column('jsonb', { nullable: true })
  batch!: BatchPolicy | null;

  @Column('text')
  ordering!: Ordering;

  @Column('integer')
  concurrency!: number;

  /** Attempts a second over all workers; null means unlimited. */
  @Column('double precision', { name: 'rate_limit', nullable: true })
  rateLimit!: number | null;

  /** Events a second for the backlog that the last resume found; null means no limit of its own. */
  @Column('double precision', { name: 'drain_rate', nullable: true })
  drainRate!: number | null;

  @Column('integer', { name: 'timeout_ms' })
  timeoutMs!: number;

  @Column('jsonb')
  retry!: RetryPolicy;

  @Column('integer', { name: 'non_retryable', array: true })
  nonRetryable!: number[];

  @Column('jsonb')
  headers!: Record<string, string>;

  /** Credentials besides the signature. */
  @Column('jsonb', { nullable: true })
  auth!: SealedHookAuth | null;

  /** Own authorities and client certificate. */
  @Column('jsonb', { nullable: true })
  tls!: SealedHookTls | null;

  @Column('text')
  signature!: SignatureKind;

  @Column('jsonb')
  secrets!: SealedSecret[];

  /** Newest first, as many as are remembered. */
  @Column('jsonb', { default: [] })
  rotations!: PastRotation[];

  @Column('text', { name: 'start_from' })
  startFrom!: string;

  @Column('integer', { name: 'lease_seconds', nullable: true })
  leaseSeconds!: number | null;

  @Column('timestamptz', { name: 'leased_until', nullable: true })
  leasedUntil!: Date | null;

  /** Null when nobody was asked. */
  @Column('jsonb', { nullable: true })
  handshake!: SubscriptionHandshake | null;

  /** When its hook is to be asked again. */
  @Column('timestamptz', { name: 'handshake_at', nullable: true })
  handshakeAt!: Date | null;

  /** True from when its URL is set until the hook there answers anything, be it the handshake. */
  @Column('boolean', { name: 'never_answered', default: false })
  neverAnswered!: boolean;

  /** The last state that was told of; `ControlPlane` keeps it. */
  @Column('text', { name: 'announced_state', default: 'active', select: false })
  announcedState!: SubscriptionState;

  /** When its backlog was told of as high; null when it is not. */
  @Column('timestamptz', { name: 'backlog_high_at', nullable: true, select: false })
  backlogHighAt!: Date | null;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'updated_at', default: () => 'now()' })
  updatedAt!: Date;
}
