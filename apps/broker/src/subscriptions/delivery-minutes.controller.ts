import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiProperty, ApiTags } from '@nestjs/swagger';
import { deliveryMinutes } from '@hookcast/delivery';
import type pg from 'pg';
import { RequireScope } from '../auth/scope.js';
import { existingName } from '../http/names.js';
import { pageOfAll, PageQuery, PageResponse } from '../http/page.js';
import { DATA_POOL, RUNTIME, type Runtime } from '../runtime.js';
import { SubscriptionsService } from './subscriptions.service.js';

/** Attempts of a minute by what came of them. */
export class AttemptMinute {
  @ApiProperty({ type: String, format: 'date-time' })
  minute!: string;

  @ApiProperty({ type: Number })
  delivered!: number;

  @ApiProperty({ type: Number, description: 'Tried again later.' })
  failed!: number;

  @ApiProperty({ type: Number, description: 'Given up.' })
  dead!: number;
}

export class DeliveryMinuteResponse extends AttemptMinute {
  @ApiProperty({ type: Number, nullable: true, description: '95th percentile of the durations, milliseconds.' })
  p95Ms!: number | null;
}

export class DeliveryMinutesResponse extends PageResponse {
  @ApiProperty({
    type: [DeliveryMinuteResponse],
    description: 'Minutes of the last hour in which something was sent, oldest first.',
  })
  items!: DeliveryMinuteResponse[];
}

const existing = existingName('subscription-not-found');
const hourMs = 3_600_000;

@ApiTags('subscriptions')
@ApiBearerAuth()
@Controller('v1/subscriptions')
export class DeliveryMinutesController {
  constructor(
    private readonly subscriptions: SubscriptionsService,
    @Inject(DATA_POOL) private readonly pool: pg.Pool,
    @Inject(RUNTIME) private readonly runtime: Pick<Runtime, 'clock'>,
  ) {}

  @Get(':name/minutes')
  @RequireScope('read')
  @ApiOperation({ summary: 'Attempts of the last hour, minute by minute' })
  @ApiOkResponse({ type: DeliveryMinutesResponse })
  async list(@Param('name', existing) name: string, @Query() query: PageQuery): Promise<DeliveryMinutesResponse> {
    const { id } = await this.subscriptions.find(name);
    const since = new Date(this.runtime.clock.now().getTime() - hourMs);
    const found = await deliveryMinutes(this.pool, id, since);
    const items = found.map(({ minute, ...counts }) => ({ minute: minute.toISOString(), ...counts }));
    return pageOfAll(items, query, ({ minute }) => minute);
  }
}
