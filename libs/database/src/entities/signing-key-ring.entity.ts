import { Column, Entity, PrimaryGeneratedColumn, Unique } from 'typeorm';
import type { PastRotation } from './past-rotation.js';
import type { SealedSecret } from './subscription.entity.js';

/** The Ed25519 keys of a namespace, newest first: several while one rotates. */
@Entity('signing_keys')
@Unique('signing_keys_namespace_name_unique', ['namespace', 'name'])
export class SigningKeyRing {
  @PrimaryGeneratedColumn('identity', {
    type: 'integer',
    generatedIdentity: 'BY DEFAULT',
    primaryKeyConstraintName: 'signing_keys_pk',
  })
  id!: number;

  @Column('text', { default: 'default' })
  namespace!: string;

  /** What the keys are for; there is one kind. */
  @Column('text', { default: 'ed25519' })
  name!: string;

  @Column('jsonb')
  secrets!: SealedSecret[];

  /** Newest first, as many as are remembered. */
  @Column('jsonb', { default: [] })
  rotations!: PastRotation[];

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'updated_at', default: () => 'now()' })
  updatedAt!: Date;
}
