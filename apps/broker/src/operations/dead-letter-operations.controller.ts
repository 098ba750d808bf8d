import { Body, Controller, Post, Req, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiBearerAuth, ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { RequireScope } from '../auth/scope.js';
import { askingOf } from '../repetition/asking.js';
import { DeadLetterOperations } from './dead-letter-operations.js';
import { DeadLetterOperationRequest, DryRunResponse, OperationResponse } from './operation.dto.js';
import { sendOperation } from './send-operation.js';

const repeatable = {
  name: 'Idempotency-Key',
  required: false,
  description: 'Repeating the request with it begins nothing new.',
};

@ApiTags('dead letters')
@ApiBearerAuth()
@Controller('v1/dead-letters')
@RequireScope('subscribe')
export class DeadLetterOperationsController {
  constructor(private readonly operations: DeadLetterOperations) {}

  @Post('redrive')
  @ApiOperation({ summary: 'Deliver dead letters again, as an operation' })
  @ApiHeader(repeatable)
  @ApiAcceptedResponse({ type: OperationResponse })
  @ApiOkResponse({ type: DryRunResponse, description: 'With dryRun.' })
  async redrive(
    @Body() request: DeadLetterOperationRequest,
    @Req() http: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<OperationResponse | DryRunResponse> {
    return sendOperation(response, await this.operations.begin('redrive', request, askingOf(http, request)));
  }

  @Post('discard')
  @ApiOperation({ summary: 'Let dead letters go, as an operation' })
  @ApiHeader(repeatable)
  @ApiAcceptedResponse({ type: OperationResponse })
  @ApiOkResponse({ type: DryRunResponse, description: 'With dryRun.' })
  async discard(
    @Body() request: DeadLetterOperationRequest,
    @Req() http: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<OperationResponse | DryRunResponse> {
    return sendOperation(response, await this.operations.begin('discard', request, askingOf(http, request)));
  }
}
