import { Body, Controller, Delete, HttpCode, Param, Post } from '@nestjs/common';
import { ApiAcceptedResponse, ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequireScope } from '../auth/scope.js';
import { existingName } from '../http/names.js';
import { WebSubRequestBody } from './source.dto.js';
import { SourceResponse } from './source-response.js';
import { SourceResponses } from './source-responses.js';
import { WebSubService } from './websub.service.js';

const existing = existingName('source-not-found');

@ApiTags('sources')
@ApiBearerAuth()
@Controller('v1/sources/:name/websub')
export class WebSubController {
  constructor(
    private readonly webSub: WebSubService,
    private readonly responses: SourceResponses,
  ) {}

  @Post()
  @HttpCode(202)
  @RequireScope('admin')
  @ApiOperation({ summary: 'Subscribe to a WebSub topic; the hub then asks the source for its intent' })
  @ApiAcceptedResponse({ type: SourceResponse })
  async subscribe(@Param('name', existing) name: string, @Body() request: WebSubRequestBody): Promise<SourceResponse> {
    return this.responses.one(await this.webSub.subscribe(name, request.topicUrl), { withUrl: true });
  }

  @Delete()
  @HttpCode(202)
  @RequireScope('admin')
  @ApiOperation({ summary: 'End the WebSub subscription; the hub asks for the intent first' })
  @ApiAcceptedResponse({ type: SourceResponse })
  async unsubscribe(@Param('name', existing) name: string): Promise<SourceResponse> {
    return this.responses.one(await this.webSub.unsubscribe(name), { withUrl: true });
  }
}
