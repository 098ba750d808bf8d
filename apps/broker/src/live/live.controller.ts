import { Controller, Get, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { callerNamespace } from '../auth/namespace.js';
import { RequireScope } from '../auth/scope.js';
import { OpenReaders } from '../events/open-readers.js';
import { LiveFeed } from './live-feed.js';

@ApiTags('overview')
@ApiBearerAuth()
@Controller('v1/live')
export class LiveController {
  constructor(
    private readonly feed: LiveFeed,
    private readonly readers: OpenReaders,
  ) {}

  @Get()
  @RequireScope('read')
  @ApiOperation({ summary: 'Follow publishes, attempts and state changes as Server-Sent Events' })
  @ApiProduces('text/event-stream')
  @ApiOkResponse({ type: String, description: 'Events `published`, `attempted` and `state`, added up by the second.' })
  async live(@Res() response: Response): Promise<void> {
    await this.feed.stream(response, callerNamespace(), this.readers.admit(response));
  }
}
