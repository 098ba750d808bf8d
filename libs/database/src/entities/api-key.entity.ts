import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { PastRotation } from './past-rotation.js';

/** A key of the API. The key itself is shown once and not stored: only its SHA-256 is. */
@Entity('api_keys')
export class ApiKey {
  /** The public part of the key, by which it is found. */
  @PrimaryColumn('text', { primaryKeyConstraintName: 'api_keys_pk', collation: 'C' })
  id!: string;

  @Column('text', { default: 'default' })
  namespace!: string;

  @Column('text')
  name!: string;

  @Column('text', { array: true })
  scopes!: string[];

  /** The last characters of the key. */
  @Column('text')
  hint!: string;

  /** SHA-256 of the whole key. */
  @Column('bytea')
  hash!: Buffer;

  /** Of the key before the last rotation; works until `previousExpiresAt`. */
  @Column('bytea', { name: 'previous_hash', nullable: true })
  previousHash!: Buffer | null;

  @Column('timestamptz', { name: 'previous_expires_at', nullable: true })
  previousExpiresAt!: Date | null;

  @Column('timestamptz', { name: 'expires_at', nullable: true })
  expiresAt!: Date | null;

  /** The id of the key that made it. */
  @Column('text', { name: 'created_by' })
  createdBy!: string;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'rotated_at', nullable: true })
  rotatedAt!: Date | null;

  /** Newest first, as many as are remembered. */
  @Column('jsonb', { default: [] })
  rotations!: PastRotation[];

  /** Set by a deletion: the row stays, so that nothing can bring the key back. */
  @Column('timestamptz', { name: 'revoked_at', nullable: true })
  revokedAt!: Date | null;

  /** Written in batches, seconds late. */
  @Column('timestamptz', { name: 'last_used_at', nullable: true })
  lastUsedAt!: Date | null;
}
