import { Controller, Get } from '@nestjs/common';
import {
  ApiOkResponse,
  ApiOperation,
  ApiProperty,
  ApiPropertyOptional,
  ApiServiceUnavailableResponse,
  ApiTags,
} from '@nestjs/swagger';
import { Public } from '../auth/scope.js';
import { Problem } from '../http/problem.js';
import { retryAfterSeconds } from '../http/problem.filter.js';
import { StorageGuard } from '../storage/storage-guard.js';
import { Readiness } from './readiness.js';

export class LiveResponse {
  @ApiProperty({ enum: ['live'] })
  status!: 'live';
}

export class ReadyResponse {
  @ApiProperty({ enum: ['ready'] })
  status!: 'ready';

  @ApiProperty({
    type: Number,
    nullable: true,
    description: "Milliseconds this process is ahead of the database's clock.",
  })
  clockSkewMs!: number | null;

  @ApiPropertyOptional({
    enum: ['refused'],
    description: 'Only while publishes are refused for want of space; everything else works.',
  })
  publishing?: 'refused';
}

@ApiTags('health')
@Controller('health')
export class HealthController {
  constructor(
    private readonly readiness: Readiness,
    private readonly storage: StorageGuard,
  ) {}

  @Get('live')
  @Public()
  @ApiOperation({ summary: 'The process runs' })
  @ApiOkResponse({ type: LiveResponse })
  live(): LiveResponse {
    return { status: 'live' };
  }

  @Get('ready')
  @Public()
  @ApiOperation({ summary: 'The process can do its work' })
  @ApiOkResponse({ type: ReadyResponse })
  @ApiServiceUnavailableResponse({ description: 'A problem whose detail is the reason.' })
  async ready(): Promise<ReadyResponse> {
    const state = await this.readiness.check();
    // Still ready: taken out of service it could neither deliver nor tell publishers why it refuses them.
    const isFull = this.storage.status.state.kind === 'full';
    if (state.kind === 'ready') {
      return { status: 'ready', clockSkewMs: state.clockSkewMs, ...(isFull && { publishing: 'refused' as const }) };
    }
    throw new Problem('unavailable', { detail: state.reason, headers: { 'retry-after': String(retryAfterSeconds) } });
  }
}
