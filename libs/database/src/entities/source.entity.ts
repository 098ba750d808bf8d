import { Check, Column, Entity, PrimaryGeneratedColumn, Unique } from 'typeorm';
import type { PastRotation } from './past-rotation.js';

export type SourceState = 'active' | 'revoked';

/** One token of a source's URL, sealed by the broker's encryption key; several while the URL changes, newest first. */
export interface SealedToken {
  sealed: string;
  createdAt: string;
  /** Null while current; otherwise the end of its grace period. */
  expiresAt: string | null;
}

/** One of the secrets that requests are checked with, in the order in which they were given. */
export interface SealedSourceSecret {
  /** Stays the same while the secret does: what its uses are counted under. */
  id: string;
  sealed: string;
  hint: string;
  createdAt: string;
}

/** A subscription of ours at a WebSub hub. */
export interface WebSubSubscription {
  state: 'subscribing' | 'subscribed' | 'unsubscribing' | 'unsubscribed' | 'failed';
  topic: string;
  hub: string;
  requestedAt: string;
  /** Null until the hub has verified our intent. */
  leasedUntil: string | null;
  renewAt: string | null;
  lastError: string | null;
}

/** An operator's wish to see raw requests: at most so many, until then. */
export interface CaptureWindow {
  requests: number;
  from: string;
  until: string;
}

/** An inbound hook for a SaaS sender's webhooks; it publishes events. */
@Entity('sources')
@Check('sources_state_known', "state in ('active', 'revoked')")
@Unique('sources_namespace_name_unique', ['namespace', 'name'])
export class Source {
  @PrimaryGeneratedColumn('identity', {
    type: 'integer',
    generatedIdentity: 'BY DEFAULT',
    primaryKeyConstraintName: 'sources_pk',
  })
  id!: number;

  @Column('text', { default: 'default' })
  namespace!: string;

  @Column('text')
  name!: string;

  @Column('text')
  sender!: string;

  /** Null: the sender's first scheme. */
  @Column('text', { nullable: true })
  scheme!: string | null;

  /** A template: `{type}` and `{sender}` are replaced. */
  @Column('text')
  topic!: string;

  @Column('boolean', { default: true })
  enabled!: boolean;

  @Column('text', { default: 'active' })
  state!: SourceState;

  @Column('text', { name: 'state_reason', nullable: true })
  stateReason!: string | null;

  @Column('jsonb')
  tokens!: SealedToken[];

  /** Newest first, as many as are remembered. */
  @Column('jsonb', { default: [] })
  rotations!: PastRotation[];

  @Column('jsonb')
  secrets!: SealedSourceSecret[];

  @Column('text', { name: 'public_keys', array: true })
  publicKeys!: string[];

  /** Null: the URL that the broker handed out. */
  @Column('text', { name: 'callback_url', nullable: true })
  callbackUrl!: string | null;

  @Column('jsonb')
  options!: Record<string, string>;

  @Column('jsonb', { nullable: true })
  websub!: WebSubSubscription | null;

  @Column('jsonb', { nullable: true })
  capture!: CaptureWindow | null;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'updated_at', default: () => 'now()' })
  updatedAt!: Date;
}
