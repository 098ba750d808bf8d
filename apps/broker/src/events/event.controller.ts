import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { LogReader } from '@hookcast/log';
import type { Response } from 'express';
import { callerNamespace } from '../auth/namespace.js';
import { RequireScope } from '../auth/scope.js';
import { existingEventId } from '../http/names.js';
import { Problem } from '../http/problem.js';
import { EventDeliveries } from './event-deliveries.js';
import { eventJson } from './event-json.js';
import { EventDetailResponse, EventQuery } from './event.dto.js';

@ApiTags('events')
@ApiBearerAuth()
@Controller('v1/events')
export class EventController {
  constructor(
    private readonly log: LogReader,
    private readonly deliveries: EventDeliveries,
  ) {}

  @Get(':id')
  @RequireScope('read')
  @ApiOperation({ summary: 'Show an event and what became of it for every subscription' })
  @ApiOkResponse({ type: EventDetailResponse })
  async get(
    @Param('id', existingEventId('event-not-found')) id: string,
    @Query() query: EventQuery,
    @Res() response: Response,
  ): Promise<void> {
    const found = await this.log.find(id, callerNamespace());
    // The youngest, where an id was used again.
    const event = found.find(({ topic }) => query.topic === undefined || topic === query.topic);
    if (!event) throw new Problem('event-not-found', { detail: `No readable event has the id "${id}".` });
    const deliveries = await this.deliveries.of(event);
    response.type('application/json').send(eventJson(event, { deliveries }));
  }
}
