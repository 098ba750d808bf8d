import { Controller, Get, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { senders, type SenderInfo } from '@hookcast/sources';
import { RequireScope } from '../auth/scope.js';
import { pageOfAll, PageQuery, type Page } from '../http/page.js';

@ApiTags('sources')
@ApiBearerAuth()
@Controller('v1/senders')
export class SendersController {
  @Get()
  @RequireScope('read')
  @ApiOperation({ summary: 'List the styles of senders, and what a source of each needs' })
  @ApiOkResponse({
    schema: {
      type: 'object',
      properties: {
        items: { type: 'array', items: { type: 'object' } },
        nextCursor: { type: 'string', nullable: true, description: 'Null on the last page.' },
      },
    },
  })
  list(@Query() query: PageQuery): Page<SenderInfo> {
    return pageOfAll(senders(), query, ({ name }) => name);
  }
}
