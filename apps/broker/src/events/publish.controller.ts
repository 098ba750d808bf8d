import { Controller, Param, Post, Req, Res } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiBody,
  ApiCreatedResponse,
  ApiHeader,
  ApiOperation,
  ApiQuery,
  ApiTags,
} from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { RequireScope } from '../auth/scope.js';
import { ReadsOwnBody } from '../http/json-body.interceptor.js';
import { PublishedResponse } from './event.dto.js';
import { PublishLane } from './publish-lane.js';

/** Describes the route, and serves what the lane does not recognise as it comes from the socket. */
@ApiTags('events')
@ApiBearerAuth()
@Controller('v1/topics/:topic/events')
export class PublishController {
  constructor(private readonly lane: PublishLane) {}

  @Post()
  @RequireScope('publish')
  @ReadsOwnBody(true)
  @ApiOperation({ summary: 'Publish an event or, as application/cloudevents-batch+json, up to 1,000' })
  @ApiQuery({ name: 'delay', required: false, example: '30s', description: 'Not delivered before.' })
  @ApiHeader({ name: 'Idempotency-Key', required: false, description: 'The id of the event when ce-id is absent.' })
  @ApiBody({ description: 'The data, byte for byte, or CloudEvents in JSON form.', schema: {} })
  @ApiCreatedResponse({ type: PublishedResponse, description: 'Stored. A batch answers {"events": [...]} in order.' })
  async publish(@Param('topic') topic: string, @Req() request: Request, @Res() response: Response): Promise<void> {
    const [, query = ''] = request.originalUrl.split('?', 2);
    await this.lane.answer(request, response, { topic, query });
  }
}
