import { Controller, Get, Header } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import { refuseTenants } from '../auth/namespace.js';
import { RequireScope } from '../auth/scope.js';
import { MetricsService } from './metrics.service.js';

@ApiTags('overview')
@ApiBearerAuth()
@Controller('metrics')
export class MetricsController {
  constructor(private readonly service: MetricsService) {}

  @Get()
  @RequireScope('read')
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'Metrics for Prometheus; only for keys of the namespace default' })
  @ApiProduces('text/plain')
  @ApiOkResponse({ type: String })
  async metrics(): Promise<string> {
    refuseTenants();
    return this.service.scrape();
  }
}
