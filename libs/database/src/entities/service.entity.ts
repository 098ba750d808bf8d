import { Column, Entity, PrimaryGeneratedColumn, Unique } from 'typeorm';

/** A service that declared its subscriptions with `PUT /v1/services/{service}`. */
@Entity('services')
@Unique('services_namespace_name_unique', ['namespace', 'name'])
export class Service {
  @PrimaryGeneratedColumn('identity', {
    type: 'integer',
    generatedIdentity: 'BY DEFAULT',
    primaryKeyConstraintName: 'services_pk',
  })
  id!: number;

  @Column('text', { default: 'default' })
  namespace!: string;

  @Column('text')
  name!: string;

  /** bigint arrives as text; null until the service sends one. */
  @Column('bigint', { nullable: true })
  revision!: string | null;

  @Column('timestamptz', { name: 'heartbeat_at', default: () => 'now()' })
  heartbeatAt!: Date;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'updated_at', default: () => 'now()' })
  updatedAt!: Date;
}
