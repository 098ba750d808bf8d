import { Body, Controller, Get, Headers, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequireScope } from '../auth/scope.js';
import { pageOfAll, PageQuery } from '../http/page.js';
import { idempotencyKey } from '../http/idempotency-key.js';
import { existingEventId, existingName } from '../http/names.js';
import {
  CapturesResponse,
  MinutesResponse,
  ReceptionPage,
  ReceptionQuery,
  RepublishResponse,
  toCaptureResponse,
  toReceptionResponse,
} from './reception-response.js';
import { CaptureRequest } from './source.dto.js';
import { SourceCaptures } from './source-captures.js';
import { SourceHistory } from './source-history.js';
import { SourceRepublishing } from './source-republishing.js';
import { SourceResponse } from './source-response.js';
import { SourceResponses } from './source-responses.js';

const existing = existingName('source-not-found');
const defaultCapture = { requests: 10, seconds: 600 };

@ApiTags('sources')
@ApiBearerAuth()
@Controller('v1/sources/:name')
export class SourceOperationsController {
  constructor(
    private readonly history: SourceHistory,
    private readonly republishing: SourceRepublishing,
    private readonly captures: SourceCaptures,
    private readonly responses: SourceResponses,
  ) {}

  @Get('receptions')
  @RequireScope('read')
  @ApiOperation({ summary: 'The newest requests to a source, each with its verdict' })
  @ApiOkResponse({ type: ReceptionPage })
  async receptions(@Param('name', existing) name: string, @Query() query: ReceptionQuery): Promise<ReceptionPage> {
    const { items, nextCursor } = await this.history.receptions(name, query);
    return { items: items.map(toReceptionResponse), nextCursor };
  }

  @Get('minutes')
  @RequireScope('read')
  @ApiOperation({ summary: 'Counts of the last hour, minute by minute' })
  @ApiOkResponse({ type: MinutesResponse })
  async minutes(@Param('name', existing) name: string, @Query() query: PageQuery): Promise<MinutesResponse> {
    return pageOfAll(await this.history.minutes(name), query, ({ minute }) => minute);
  }

  @Post('receptions/:id/republish')
  @HttpCode(200)
  @RequireScope('admin')
  @ApiOperation({ summary: 'Publish the events of a request once more, with new ids' })
  @ApiHeader({ name: 'Idempotency-Key', required: false, description: 'Repeated with it, nothing is published again.' })
  @ApiOkResponse({ type: RepublishResponse })
  async republish(
    @Param('name', existing) name: string,
    @Param('id', existingEventId('reception-not-found')) id: string,
    @Headers('idempotency-key') key: string | undefined,
  ): Promise<RepublishResponse> {
    return { events: await this.republishing.republish(name, id, idempotencyKey(key)) };
  }

  @Post('capture')
  @HttpCode(200)
  @RequireScope('admin')
  @ApiOperation({ summary: 'Keep the next raw requests, redacted, to see why a sender does not verify' })
  @ApiOkResponse({ type: SourceResponse })
  async capture(@Param('name', existing) name: string, @Body() request: CaptureRequest): Promise<SourceResponse> {
    const { requests = defaultCapture.requests, seconds = defaultCapture.seconds } = request;
    const source = await this.captures.open(name, { requests, seconds });
    return this.responses.one(source, { withUrl: true });
  }

  @Get('captures')
  @RequireScope('admin')
  @ApiOperation({ summary: 'The raw requests that were kept, newest first' })
  @ApiOkResponse({ type: CapturesResponse })
  async listCaptures(@Param('name', existing) name: string, @Query() query: PageQuery): Promise<CapturesResponse> {
    const { items, nextCursor } = pageOfAll(await this.captures.list(name), query, ({ id }) => id);
    return { items: items.map(toCaptureResponse), nextCursor };
  }
}
