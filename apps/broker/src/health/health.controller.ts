import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProperty, ApiServiceUnavailableResponse, ApiTags } from '@nestjs/swagger';
import { Public } from '../auth/scope.js';
import { Problem } from '../http/problem.js';
import { retryAfterSeconds } from '../http/problem.filter.js';
import { Readiness } from './readiness.js';

export class HealthResponse {
  @ApiProperty({ enum: ['live', 'ready'] })
  status!: 'live' | 'ready';
}

@ApiTags('health')
@Controller('health')
export class HealthController {
  constructor(private readonly readiness: Readiness) {}

  @Get('live')
  @Public()
  @ApiOperation({ summary: 'The process runs' })
  @ApiOkResponse({ type: HealthResponse })
  live(): HealthResponse {
    return { status: 'live' };
  }

  @Get('ready')
  @Public()
  @ApiOperation({ summary: 'The process can do its work' })
  @ApiOkResponse({ type: HealthResponse })
  @ApiServiceUnavailableResponse({ description: 'A problem whose detail is the reason.' })
  async ready(): Promise<HealthResponse> {
    const state = await this.readiness.check();
    if (state.kind === 'ready') return { status: 'ready' };
    throw new Problem('unavailable', { detail: state.reason, headers: { 'retry-after': String(retryAfterSeconds) } });
  }
}
