import { Controller, Get, HttpCode, Param, Post, Query, Req } from '@nestjs/common';
import { ApiBearerAuth, ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Request } from 'express';
import { RequireScope } from '../auth/scope.js';
import { existingEventId, existingName } from '../http/names.js';
import { askingOf } from '../repetition/asking.js';
import { DeliveryDetailResponse, DeliveryPage, DeliveryQuery, RetriedDeliveryResponse } from './delivery.dto.js';
import { DeliveriesService } from './deliveries.service.js';

const subscription = existingName('subscription-not-found');
const event = existingEventId('delivery-not-found');

@ApiTags('deliveries')
@ApiBearerAuth()
@Controller('v1/subscriptions/:name/deliveries')
export class DeliveriesController {
  constructor(private readonly deliveries: DeliveriesService) {}

  @Get()
  @RequireScope('read')
  @ApiOperation({ summary: 'List the deliveries of a subscription, newest first' })
  @ApiOkResponse({ type: DeliveryPage })
  async list(@Param('name', subscription) name: string, @Query() query: DeliveryQuery): Promise<DeliveryPage> {
    return this.deliveries.list(name, query);
  }

  @Get(':eventId')
  @RequireScope('read')
  @ApiOperation({ summary: 'Show one delivery with every attempt' })
  @ApiOkResponse({ type: DeliveryDetailResponse })
  async get(
    @Param('name', subscription) name: string,
    @Param('eventId', event) eventId: string,
  ): Promise<DeliveryDetailResponse> {
    return this.deliveries.get(name, eventId);
  }

  @Post(':eventId/retry')
  @HttpCode(200)
  @RequireScope('subscribe')
  @ApiOperation({ summary: 'Send a delivery again now' })
  @ApiHeader({ name: 'Idempotency-Key', required: false, description: 'Repeated with it, nothing is sent again.' })
  @ApiOkResponse({ type: RetriedDeliveryResponse })
  async retry(
    @Param('name', subscription) name: string,
    @Param('eventId', event) eventId: string,
    @Req() http: Request,
  ): Promise<RetriedDeliveryResponse> {
    return this.deliveries.retry(name, eventId, askingOf(http, { retry: eventId, subscription: name }));
  }
}
