import { Body, Controller, Delete, Get, HttpCode, Param, Put, Query, Res } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiQuery,
  ApiTags,
} from '@nestjs/swagger';
import type { Response } from 'express';
import { RequireScope } from '../auth/scope.js';
import { existingName, flagParameter, newTopicName } from '../http/names.js';
import { PageQuery } from '../http/page.js';
import { PutTopicRequest, PutTopicResponse, TopicPage, TopicResponse } from './topic.dto.js';
import { TopicSchemaCheck } from './topic-schema-check.js';
import { TopicsService } from './topics.service.js';

const existing = existingName('topic-not-found');

@ApiTags('topics')
@ApiBearerAuth()
@Controller('v1/topics')
export class TopicsController {
  constructor(
    private readonly topics: TopicsService,
    private readonly schemas: TopicSchemaCheck,
  ) {}

  @Put(':name')
  @RequireScope('admin')
  @ApiOperation({ summary: 'Create or change a topic' })
  @ApiQuery({
    name: 'dryRun',
    required: false,
    type: Boolean,
    description: 'Say what would change, and change nothing.',
  })
  @ApiOkResponse({ type: PutTopicResponse })
  @ApiCreatedResponse({ type: PutTopicResponse })
  async put(
    @Param('name', newTopicName) name: string,
    @Body() request: PutTopicRequest,
    @Query('dryRun', flagParameter('dryRun')) dryRun: boolean | undefined,
    @Res({ passthrough: true }) response: Response,
  ): Promise<PutTopicResponse> {
    this.schemas.refuseUnusable(request);
    const { created, topic } = await this.topics.put(name, request, dryRun ?? false);
    response.status(created && dryRun !== true ? 201 : 200);
    return topic;
  }

  @Get(':name')
  @RequireScope('read')
  @ApiOperation({ summary: 'Show a topic' })
  @ApiOkResponse({ type: TopicResponse })
  async get(@Param('name', existing) name: string): Promise<TopicResponse> {
    return this.topics.get(name);
  }

  @Get()
  @RequireScope('read')
  @ApiOperation({ summary: 'List topics by name' })
  @ApiOkResponse({ type: TopicPage })
  async list(@Query() query: PageQuery): Promise<TopicPage> {
    return this.topics.list(query);
  }

  @Delete(':name')
  @HttpCode(204)
  @RequireScope('admin')
  @ApiOperation({ summary: 'Delete a topic with its events, waiting deliveries and dead letters' })
  @ApiQuery({ name: 'force', required: false, type: Boolean, description: 'Even while subscriptions receive it.' })
  @ApiNoContentResponse()
  async delete(
    @Param('name', existing) name: string,
    @Query('force', flagParameter('force')) force: boolean | undefined,
  ): Promise<void> {
    await this.topics.delete(name, force ?? false);
  }
}
