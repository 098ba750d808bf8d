import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiProperty, ApiPropertyOptional, ApiTags } from '@nestjs/swagger';
import { formatPosition, listExpirations } from '@hookcast/log';
import { Transform } from 'class-transformer';
import { IsInt, Max, Min } from 'class-validator';
import type pg from 'pg';
import { RequireScope } from '../auth/scope.js';
import { MayBeAbsent } from '../http/field-rules.js';
import { existingName } from '../http/names.js';
import { defaultLimit, digitsToNumber } from '../http/page.js';
import { DATA_POOL } from '../runtime.js';
import { SubscriptionsService } from './subscriptions.service.js';

export class ExpirationQuery {
  @ApiPropertyOptional({ type: Number, minimum: 1, maximum: 200, default: defaultLimit })
  @MayBeAbsent()
  @Transform(digitsToNumber)
  @IsInt()
  @Min(1)
  @Max(200)
  limit?: number;
}

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

export class ExpirationList {
  @ApiProperty({ type: [ExpirationResponse] })
  items!: ExpirationResponse[];

  @ApiProperty({ type: String, nullable: true })
  nextCursor!: null;
}

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
    @Query() { limit = defaultLimit }: ExpirationQuery,
  ): Promise<ExpirationList> {
    const { id } = await this.subscriptions.find(name);
    const found = await listExpirations(this.pool, { subscriptionId: id, limit });
    const items = found.map(({ topic, streamId, fromSeq, toSeq, events, expiredAt }) => ({
      topic,
      from: formatPosition(streamId, fromSeq),
      to: formatPosition(streamId, toSeq),
      events,
      expiredAt: expiredAt.toISOString(),
    }));
    return { items, nextCursor: null };
  }
}
