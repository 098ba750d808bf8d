import { Body, Controller, HttpCode, Param, Post, Put, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { RequireScope } from '../auth/scope.js';
import { existingName, flagParameter, newName } from '../http/names.js';
import { HeartbeatResponse, PutServiceRequest, ServiceResponse } from './service.dto.js';
import { ServicesService } from './services.service.js';

@ApiTags('services')
@ApiBearerAuth()
@Controller('v1/services')
export class ServicesController {
  constructor(private readonly services: ServicesService) {}

  @Put(':service')
  @RequireScope('subscribe')
  @ApiOperation({ summary: 'Declare all subscriptions of a service' })
  @ApiQuery({ name: 'dryRun', required: false, type: Boolean, description: 'Answer with the plan only.' })
  @ApiOkResponse({ type: ServiceResponse })
  @ApiCreatedResponse({ type: ServiceResponse })
  async declare(
    @Param('service', newName) service: string,
    @Query('dryRun', flagParameter('dryRun')) dryRun: boolean | undefined,
    @Body() request: PutServiceRequest,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ServiceResponse> {
    if (dryRun) {
      response.status(200);
      return this.services.plan(service, request);
    }
    const { created, response: answer } = await this.services.declare(service, request);
    response.status(created ? 201 : 200);
    return answer;
  }

  @Post(':service/heartbeat')
  @HttpCode(200)
  @RequireScope('subscribe')
  @ApiOperation({ summary: 'Renew the leases of a service; stale subscriptions of it become active again' })
  @ApiOkResponse({ type: HeartbeatResponse })
  async heartbeat(@Param('service', existingName('service-not-found')) service: string): Promise<HeartbeatResponse> {
    return this.services.heartbeat(service);
  }
}
