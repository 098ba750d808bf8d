import { Check, Column, Entity, PrimaryGeneratedColumn, Unique } from 'typeorm';

export type SchemaMode = 'off' | 'warn' | 'reject';

/** A named channel. Its streams (one per partition) live in the data plane and are not mapped. */
@Entity('topics')
@Check('topics_partitions_in_range', 'partitions between 1 and 64')
@Check('topics_schema_mode_known', "schema_mode in ('off', 'warn', 'reject')")
@Unique('topics_namespace_name_unique', ['namespace', 'name'])
export class Topic {
  @PrimaryGeneratedColumn('identity', {
    type: 'integer',
    generatedIdentity: 'BY DEFAULT',
    primaryKeyConstraintName: 'topics_pk',
  })
  id!: number;

  @Column('text', { default: 'default' })
  namespace!: string;

  @Column('text')
  name!: string;

  @Column('smallint')
  partitions!: number;

  /** Days that events stay readable; null means the broker's HOOKCAST_RETENTION_DAYS. */
  @Column('integer', { name: 'retention_days', nullable: true })
  retentionDays!: number | null;

  @Column('jsonb', { nullable: true })
  schema!: Record<string, unknown> | null;

  @Column('text', { name: 'schema_mode', default: 'off' })
  schemaMode!: SchemaMode;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'updated_at', default: () => 'now()' })
  updatedAt!: Date;
}
