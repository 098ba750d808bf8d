import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequireScope } from '../auth/scope.js';
import { existingName } from '../http/names.js';
import { FilterTrial } from './filter-trial.js';
import { MatchRequest, MatchResponse } from './filter-trial.dto.js';

const existing = existingName('subscription-not-found');

@ApiTags('subscriptions')
@ApiBearerAuth()
@Controller('v1/subscriptions')
export class FilterTrialController {
  constructor(private readonly trial: FilterTrial) {}

  @Post(':name/match')
  @HttpCode(200)
  @RequireScope('subscribe')
  @ApiOperation({ summary: 'Try a filter on past events of the subscription’s topics; nothing is sent' })
  @ApiOkResponse({ type: MatchResponse })
  async match(@Param('name', existing) name: string, @Body() request: MatchRequest): Promise<MatchResponse> {
    return this.trial.run(name, request);
  }
}
