import { Controller, Delete, Get, HttpCode, Param, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequireScope } from '../auth/scope.js';
import { OperationPage, OperationQuery, OperationResponse } from './operation.dto.js';
import { OperationsService } from './operations.service.js';

@ApiTags('operations')
@ApiBearerAuth()
@Controller('v1/operations')
export class OperationsController {
  constructor(private readonly operations: OperationsService) {}

  @Get()
  @RequireScope('read')
  @ApiOperation({ summary: 'List redrives, discards and replays, newest first; finished ones for a week' })
  @ApiOkResponse({ type: OperationPage })
  async list(@Query() query: OperationQuery): Promise<OperationPage> {
    return this.operations.list(query);
  }

  @Get(':id')
  @RequireScope('read')
  @ApiOperation({ summary: 'Show how far an operation has come' })
  @ApiOkResponse({ type: OperationResponse })
  async get(@Param('id') id: string): Promise<OperationResponse> {
    return this.operations.get(id);
  }

  @Delete(':id')
  @HttpCode(200)
  @RequireScope('subscribe')
  @ApiOperation({ summary: 'Cancel an operation; what is under way at this moment ends as it will' })
  @ApiOkResponse({ type: OperationResponse })
  async cancel(@Param('id') id: string): Promise<OperationResponse> {
    return this.operations.cancel(id);
  }
}
