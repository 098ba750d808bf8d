import { Controller, Get, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { refuseTenants } from '../auth/namespace.js';
import { RequireScope } from '../auth/scope.js';
import { pageOfAll, PageQuery } from '../http/page.js';
import { OverviewResponse, WorkerList } from './overview.dto.js';
import { OverviewService } from './overview.service.js';

@ApiTags('overview')
@ApiBearerAuth()
@Controller('v1')
export class OverviewController {
  constructor(private readonly service: OverviewService) {}

  @Get('overview')
  @RequireScope('read')
  @ApiOperation({ summary: 'How the whole bus is doing' })
  @ApiOkResponse({ type: OverviewResponse })
  async overview(): Promise<OverviewResponse> {
    return this.service.overview();
  }

  @Get('workers')
  @RequireScope('read')
  @ApiOperation({ summary: 'List the live delivery workers; only for keys of the namespace default' })
  @ApiOkResponse({ type: WorkerList })
  async workers(@Query() query: PageQuery): Promise<WorkerList> {
    refuseTenants();
    const workers = await this.service.workers();
    const items = workers.map(({ startedAt, heartbeatAt, ...rest }) => ({
      ...rest,
      startedAt: startedAt.toISOString(),
      heartbeatAt: heartbeatAt.toISOString(),
    }));
    return pageOfAll(items, query, ({ workerId }) => workerId);
  }
}
