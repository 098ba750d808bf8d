import { Body, Controller, Param, Post, Req, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiBearerAuth, ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { RequireScope } from '../auth/scope.js';
import { existingName } from '../http/names.js';
import { askingOf } from '../repetition/asking.js';
import { DryRunResponse, OperationResponse, ReplayRequest } from './operation.dto.js';
import { Replays } from './replays.js';
import { sendOperation } from './send-operation.js';

const existing = existingName('subscription-not-found');

@ApiTags('subscriptions')
@ApiBearerAuth()
@Controller('v1/subscriptions')
export class ReplaysController {
  constructor(private readonly replays: Replays) {}

  @Post(':name/replays')
  @RequireScope('subscribe')
  @ApiOperation({ summary: 'Deliver past events again, as an operation' })
  @ApiHeader({
    name: 'Idempotency-Key',
    required: false,
    description: 'Repeating the request with it begins nothing new.',
  })
  @ApiAcceptedResponse({ type: OperationResponse })
  @ApiOkResponse({ type: DryRunResponse, description: 'With dryRun.' })
  async replay(
    @Param('name', existing) name: string,
    @Body() request: ReplayRequest,
    @Req() http: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<OperationResponse | DryRunResponse> {
    return sendOperation(response, await this.replays.begin(name, request, askingOf(http, request)));
  }
}
