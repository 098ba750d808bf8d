import { Body, Controller, Get, HttpCode, Param, Post, Put, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { RequireScope } from '../auth/scope.js';
import { existingName, flagParameter, newName } from '../http/names.js';
import { PageQuery, type Page } from '../http/page.js';
import { KnownServiceResponse, ServiceList, ServicePage } from './service-list.js';
import { HeartbeatResponse, PutServiceRequest, ServiceResponse } from './service.dto.js';
import { ServicesService } from './services.service.js';

@ApiTags('services')
@ApiBearerAuth()
@Controller('v1/services')
export class ServicesController {
  constructor(
    private readonly services: ServicesService,
    private readonly known: ServiceList,
  ) {}

  @Get()
  @RequireScope('read')
  @ApiOperation({ summary: 'List the services that declared themselves, by name' })
  @ApiOkResponse({ type: ServicePage })
  async list(@Query() query: PageQuery): Promise<Page<KnownServiceResponse>> {
    return this.known.list(query);
  }

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
