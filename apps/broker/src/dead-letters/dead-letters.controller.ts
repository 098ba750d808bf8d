import { Controller, Get, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequireScope } from '../auth/scope.js';
import { DeadLetterPage, DeadLetterQuery } from './dead-letter.dto.js';
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
}
