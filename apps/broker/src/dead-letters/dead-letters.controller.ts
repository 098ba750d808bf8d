import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { RequireScope } from '../auth/scope.js';
import { eventJson } from '../events/event-json.js';
import {
  DeadLetterDetailResponse,
  DeadLetterGroupPage,
  DeadLetterGroupQuery,
  DeadLetterPage,
  DeadLetterQuery,
} from './dead-letter.dto.js';
import { DeadLettersService } from './dead-letters.service.js';

@ApiTags('dead letters')
@ApiBearerAuth()
@Controller('v1/dead-letters')
export class DeadLettersController {
  constructor(private readonly deadLetters: DeadLettersService) {}

  @Get()
  @RequireScope('read')
  @ApiOperation({ summary: 'List deliveries that were given up, newest first' })
  @ApiOkResponse({ type: DeadLetterPage })
  async list(@Query() query: DeadLetterQuery): Promise<DeadLetterPage> {
    return this.deadLetters.list(query);
  }

  @Get('groups')
  @RequireScope('read')
  @ApiOperation({ summary: 'Dead letters by subscription and kind of error' })
  @ApiOkResponse({ type: DeadLetterGroupPage })
  async groups(@Query() query: DeadLetterGroupQuery): Promise<DeadLetterGroupPage> {
    return this.deadLetters.groups(query);
  }

  @Get(':id')
  @RequireScope('read')
  @ApiOperation({ summary: 'Show a dead letter with its event' })
  @ApiOkResponse({ type: DeadLetterDetailResponse })
  async get(@Param('id') id: string, @Res() response: Response): Promise<void> {
    const { shown, event } = await this.deadLetters.get(id);
    // Put together as text, so that the data of the event stays byte for byte.
    response.type('application/json').send(`${JSON.stringify(shown).slice(0, -1)},"event":${eventJson(event)}}`);
  }
}
