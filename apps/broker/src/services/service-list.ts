import { Injectable } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { InjectDataSource } from '@nestjs/typeorm';
import { Service, Subscription } from '@hookcast/database';
import { DataSource, In, MoreThan } from 'typeorm';
import { callerNamespace } from '../auth/namespace.js';
import { cursorKey, defaultLimit, pageOf, PageResponse, type Page, type PageQuery } from '../http/page.js';
import { LeasedSubscription } from './service.dto.js';

export class KnownServiceResponse {
  @ApiProperty({ type: String })
  service!: string;

  @ApiProperty({ type: Number, nullable: true, description: 'Null until the service declares one.' })
  revision!: number | null;

  @ApiProperty({ type: String, format: 'date-time', description: 'Its last declaration or heartbeat.' })
  heartbeatAt!: string;

  @ApiProperty({ type: String, format: 'date-time', description: 'When what it declares changed last.' })
  updatedAt!: string;

  @ApiProperty({ type: [LeasedSubscription] })
  subscriptions!: LeasedSubscription[];
}

export class ServicePage extends PageResponse {
  @ApiProperty({ type: [KnownServiceResponse] })
  items!: KnownServiceResponse[];
}

/** Shows which services declared themselves, and when they were last heard of. */
@Injectable()
export class ServiceList {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  async list({ limit = defaultLimit, cursor }: PageQuery): Promise<Page<KnownServiceResponse>> {
    const [after = ''] = cursorKey(cursor, ['string']) ?? [];
    const { manager } = this.dataSource;
    const namespace = callerNamespace();
    const found = await manager.find(Service, {
      where: { namespace, name: MoreThan(String(after)) },
      order: { name: 'asc' },
      take: limit + 1,
    });
    const { items, nextCursor } = pageOf(found, limit, ({ name }) => [name]);
    const owned = await manager.find(Subscription, {
      where: { namespace, service: In(items.map(({ name }) => name)) },
      order: { name: 'asc' },
    });
    return { items: items.map((one) => shown(one, owned)), nextCursor };
  }
}

function shown(
  { name, revision, heartbeatAt, updatedAt }: Service,
  all: readonly Subscription[],
): KnownServiceResponse {
  return {
    service: name,
    revision: revision === null ? null : Number(revision),
    heartbeatAt: heartbeatAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
    subscriptions: all
      .filter(({ service }) => service === name)
      .map((one) => ({ name: one.name, state: one.state, leasedUntil: one.leasedUntil?.toISOString() ?? null })),
  };
}
