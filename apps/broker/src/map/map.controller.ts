import { Controller, Get, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequireScope } from '../auth/scope.js';
import { MapQuery, MapResponse } from './map.dto.js';
import { MapService } from './map.service.js';

@ApiTags('overview')
@ApiBearerAuth()
@Controller('v1/map')
export class MapController {
  constructor(private readonly service: MapService) {}

  @Get()
  @RequireScope('read')
  @ApiOperation({ summary: 'Who may publish and who subscribes what' })
  @ApiOkResponse({ type: MapResponse, description: 'With `format=asyncapi` an AsyncAPI 3 document instead.' })
  async map(@Query() { format }: MapQuery): Promise<MapResponse | Record<string, unknown>> {
    return format === 'asyncapi' ? this.service.asyncApi() : this.service.map();
  }
}
