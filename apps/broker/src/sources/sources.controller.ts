import { Body, Controller, Delete, Get, Headers, HttpCode, Param, Post, Put, Query, Res } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import type { Response } from 'express';
import { Authenticator } from '../auth/authenticator.js';
import { RequireScope } from '../auth/scope.js';
import { existingName, newName } from '../http/names.js';
import { PageQuery } from '../http/page.js';
import { Problem } from '../http/problem.js';
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
    private readonly authenticator: Authenticator,
  ) {}

  @Put(':name')
  @RequireScope('subscribe')
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
  async get(
    @Param('name', existing) name: string,
    @Headers('authorization') authorization: string | undefined,
  ): Promise<SourceResponse> {
    return this.responses.one(await this.sources.find(name), { withUrl: this.maySeeUrl(authorization) });
  }

  @Get()
  @RequireScope('read')
  @ApiOperation({ summary: 'List sources by name' })
  @ApiOkResponse({ type: SourcePage })
  async list(
    @Query() query: PageQuery,
    @Headers('authorization') authorization: string | undefined,
  ): Promise<SourcePage> {
    const { items, nextCursor } = await this.sources.list(query);
    return { items: await this.responses.all(items, { withUrl: this.maySeeUrl(authorization) }), nextCursor };
  }

  @Delete(':name')
  @HttpCode(204)
  @RequireScope('subscribe')
  @ApiOperation({ summary: 'Delete a source; the events it published stay' })
  @ApiNoContentResponse()
  async delete(@Param('name', existing) name: string): Promise<void> {
    await this.sources.delete(name);
  }

  @Post(':name/rotate-token')
  @HttpCode(200)
  @RequireScope('subscribe')
  @ApiOperation({ summary: 'Make a new URL; the old one works too until its grace ends' })
  @ApiOkResponse({ type: SourceResponse })
  async rotateToken(
    @Param('name', existing) name: string,
    @Body() request: RotateTokenRequest,
  ): Promise<SourceResponse> {
    const source = await this.sources.rotateToken(name, request.graceSeconds ?? defaultGraceSeconds);
    return this.responses.one(source, { withUrl: true });
  }

  /** The URL is what a sender proves itself with first, so it is for those who could also make another one. */
  private maySeeUrl(authorization: string | undefined): boolean {
    try {
      this.authenticator.authorize(authorization, 'subscribe');
      return true;
    } catch (error) {
      if (error instanceof Problem) return false;
      throw error;
    }
  }
}
