import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiProperty, ApiTags } from '@nestjs/swagger';
import { formatPosition, listExpirations } from '@hookcast/log';
import type pg from 'pg';
import { RequireScope } from '../auth/scope.js';
import { existingName } from '../http/names.js';
import { cursorKey, defaultLimit, pageOf, PageQuery, PageResponse } from '../http/page.js';
import { DATA_POOL } from '../runtime.js';
import { SubscriptionsService } from './subscriptions.service.js';

export class ExpirationResponse {
  @ApiProperty({ type: String })
  topic!: string;

  @ApiProperty({ type: String, description: 'First position that was open, `<stream>:<seq>`.' })
  from!: string;

  @ApiProperty({ type: String, description: 'Last position of the day in this stream.' })
  to!: string;

  @ApiProperty({ type: Number, description: 'How many events in between had not been settled.' })
  events!: number;

  @ApiProperty({ type: String, format: 'date-time' })
  expiredAt!: string;
}

export class ExpirationList extends PageResponse {
  @ApiProperty({ type: [ExpirationResponse] })
  items!: ExpirationResponse[];
}

type Found = Awaited<ReturnType<typeof listExpirations>>[number];

const existing = existingName('subscription-not-found');

@ApiTags('subscriptions')
@ApiBearerAuth()
@Controller('v1/subscriptions')
export class ExpirationsController {
  constructor(
    private readonly subscriptions: SubscriptionsService,
    @Inject(DATA_POOL) private readonly pool: pg.Pool,
  ) {}

  @Get(':name/expirations')
  @RequireScope('read')
  @ApiOperation({ summary: 'What went with its day before it was settled, newest first, one entry per stream and day' })
  @ApiOkResponse({ type: ExpirationList })
  async list(
    @Param('name', existing) name: string,
    @Query() { limit = defaultLimit, cursor }: PageQuery,
  ): Promise<ExpirationList> {
    const { id } = await this.subscriptions.find(name);
    const [at, streamId, toSeq] = cursorKey(cursor, ['time', 'int', 'bigint'])?.map(Number) ?? [];
    const after =
      at === undefined || streamId === undefined || toSeq === undefined
        ? undefined
        : { expiredAt: new Date(at), streamId, toSeq };
    const found = await listExpirations(this.pool, { subscriptionId: id, limit: limit + 1, after });
    const page = pageOf(found, limit, (last) => [last.expiredAt.getTime(), last.streamId, last.toSeq]);
    return { items: page.items.map(toResponse), nextCursor: page.nextCursor };
  }
}

function toResponse({ topic, streamId, fromSeq, toSeq, events, expiredAt }: Found): ExpirationResponse {
  return {
    topic,
    from: formatPosition(streamId, fromSeq),
    to: formatPosition(streamId, toSeq),
    events,
    expiredAt: expiredAt.toISOString(),
  };
}
