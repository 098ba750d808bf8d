import { Body, Controller, Delete, Get, Headers, HttpCode, Param, Post, Put, Query, Req, Res } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiCreatedResponse,
  ApiHeader,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { callerOf } from '../auth/callers.js';
import { RequireScope } from '../auth/scope.js';
import { idempotencyKey } from '../http/idempotency-key.js';
import { existingName, newName } from '../http/names.js';
import { PageQuery } from '../http/page.js';
import { PutSourceRequest, RotateTokenRequest } from './source.dto.js';
import { SourcePage, SourceResponse } from './source-response.js';
import { SourceResponses } from './source-responses.js';
import { SourcesService } from './sources.service.js';

const existing = existingName('source-not-found');
const defaultGraceSeconds = 86_400;

@ApiTags('sources')
@ApiBearerAuth()
@Controller('v1/sources')
export class SourcesController {
  constructor(
    private readonly sources: SourcesService,
    private readonly responses: SourceResponses,
  ) {}

  @Put(':name')
  @RequireScope('admin')
  @ApiOperation({ summary: 'Create or replace a source; the answer has the URL to give the sender' })
  @ApiOkResponse({ type: SourceResponse })
  @ApiCreatedResponse({ type: SourceResponse })
  async put(
    @Param('name', newName) name: string,
    @Body() request: PutSourceRequest,
    @Res({ passthrough: true }) response: Response,
  ): Promise<SourceResponse> {
    const { created, source } = await this.sources.put(name, request);
    response.status(created ? 201 : 200);
    return this.responses.one(source, { withUrl: true });
  }

  @Get(':name')
  @RequireScope('read')
  @ApiOperation({ summary: 'Show a source and how it is doing' })
  @ApiOkResponse({ type: SourceResponse })
  async get(@Param('name', existing) name: string, @Req() http: Request): Promise<SourceResponse> {
    return this.responses.one(await this.sources.find(name), { withUrl: maySeeUrl(http) });
  }

  @Get()
  @RequireScope('read')
  @ApiOperation({ summary: 'List sources by name' })
  @ApiOkResponse({ type: SourcePage })
  async list(@Query() query: PageQuery, @Req() http: Request): Promise<SourcePage> {
    const { items, nextCursor } = await this.sources.list(query);
    return { items: await this.responses.all(items, { withUrl: maySeeUrl(http) }), nextCursor };
  }

  @Delete(':name')
  @HttpCode(204)
  @RequireScope('admin')
  @ApiOperation({ summary: 'Delete a source; the events it published stay' })
  @ApiNoContentResponse()
  async delete(@Param('name', existing) name: string): Promise<void> {
    await this.sources.delete(name);
  }

  @Post(':name/rotate-token')
  @HttpCode(200)
  @RequireScope('admin')
  @ApiOperation({ summary: 'Make a new URL; the old one works too until its grace ends' })
  @ApiHeader({ name: 'Idempotency-Key', required: false, description: 'Repeating a rotation with it changes nothing.' })
  @ApiOkResponse({ type: SourceResponse })
  async rotateToken(
    @Param('name', existing) name: string,
    @Body() request: RotateTokenRequest,
    @Headers('idempotency-key') key: string | undefined,
  ): Promise<SourceResponse> {
    const graceSeconds = request.graceSeconds ?? defaultGraceSeconds;
    const source = await this.sources.rotateToken(name, { graceSeconds, idempotencyKey: idempotencyKey(key) });
    return this.responses.one(source, { withUrl: true });
  }
}

/** The URL is what a sender proves itself with first, so it is for those who could also make another one. */
function maySeeUrl(http: Request): boolean {
  return callerOf(http)?.grants.admin ?? false;
}
