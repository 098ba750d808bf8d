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
import { knownCaller } from '../auth/callers.js';
import { RequireScope } from '../auth/scope.js';
import { idempotencyKey } from '../http/idempotency-key.js';
import { existingName, newName } from '../http/names.js';
import { askingOf } from '../repetition/asking.js';
import { HookTest, TestResponse } from './hook-test.js';
import { SeekRequest, SeekResponse } from './seek.dto.js';
import { Seek } from './seek.js';
import { SubscriptionQuery } from './subscription-query.js';
import { shownTo, SubscriptionPage, SubscriptionResponse } from './subscription-response.js';
import { PutSubscriptionRequest, ResumeRequest, RotateSecretRequest } from './subscription.dto.js';
import { SubscriptionActions } from './subscription-actions.js';
import { SubscriptionsService } from './subscriptions.service.js';

const existing = existingName('subscription-not-found');
const defaultGraceSeconds = 86_400;

@ApiTags('subscriptions')
@ApiBearerAuth()
@Controller('v1/subscriptions')
export class SubscriptionsController {
  constructor(
    private readonly subscriptions: SubscriptionsService,
    private readonly actions: SubscriptionActions,
    private readonly hookTest: HookTest,
    private readonly seeking: Seek,
  ) {}

  @Put(':name')
  @RequireScope('subscribe')
  @ApiOperation({ summary: 'Create or replace a subscription; the same body twice changes nothing' })
  @ApiOkResponse({ type: SubscriptionResponse })
  @ApiCreatedResponse({ type: SubscriptionResponse })
  async put(
    @Param('name', newName) name: string,
    @Body() request: PutSubscriptionRequest,
    @Res({ passthrough: true }) response: Response,
  ): Promise<SubscriptionResponse> {
    const { created, subscription } = await this.subscriptions.put(name, request);
    response.status(created ? 201 : 200);
    return subscription;
  }

  @Get(':name')
  @RequireScope('read')
  @ApiOperation({ summary: 'Show a subscription and how it is doing' })
  @ApiOkResponse({ type: SubscriptionResponse })
  async get(@Param('name', existing) name: string, @Req() http: Request): Promise<SubscriptionResponse> {
    return shownTo(knownCaller(http), await this.subscriptions.get(name));
  }

  @Get()
  @RequireScope('read')
  @ApiOperation({ summary: 'List subscriptions by name' })
  @ApiOkResponse({ type: SubscriptionPage })
  async list(@Query() query: SubscriptionQuery, @Req() http: Request): Promise<SubscriptionPage> {
    const { items, nextCursor } = await this.subscriptions.list(query);
    const caller = knownCaller(http);
    return { items: items.map((item) => shownTo(caller, item)), nextCursor };
  }

  @Delete(':name')
  @HttpCode(204)
  @RequireScope('subscribe')
  @ApiOperation({ summary: 'Delete a subscription with its waiting deliveries and dead letters' })
  @ApiNoContentResponse()
  async delete(@Param('name', existing) name: string): Promise<void> {
    await this.subscriptions.delete(name);
  }

  @Post(':name/pause')
  @HttpCode(200)
  @RequireScope('subscribe')
  @ApiOperation({ summary: 'Stop sending; the backlog is kept' })
  @ApiOkResponse({ type: SubscriptionResponse })
  async pause(@Param('name', existing) name: string): Promise<SubscriptionResponse> {
    return this.actions.pause(name);
  }

  @Post(':name/resume')
  @HttpCode(200)
  @RequireScope('subscribe')
  @ApiOperation({ summary: 'Send again, starting with the backlog' })
  @ApiOkResponse({ type: SubscriptionResponse })
  async resume(@Param('name', existing) name: string, @Body() request: ResumeRequest): Promise<SubscriptionResponse> {
    return this.actions.resume(name, request.drainRate ?? null);
  }

  @Post(':name/seek')
  @HttpCode(200)
  @RequireScope('subscribe')
  @ApiOperation({ summary: 'Go on delivering from another place; what is skipped is counted' })
  @ApiOkResponse({ type: SeekResponse })
  async seek(@Param('name', existing) name: string, @Body() request: SeekRequest): Promise<SeekResponse> {
    return request.dryRun ? this.seeking.plan(name, request.to) : this.seeking.run(name, request.to);
  }

  @Post(':name/test')
  @HttpCode(200)
  @RequireScope('subscribe')
  @ApiOperation({ summary: 'Send a signed test event to the hook now and say what it answered' })
  @ApiHeader({ name: 'Idempotency-Key', required: false, description: 'Repeated with it, nothing is sent again.' })
  @ApiOkResponse({ type: TestResponse })
  async test(@Param('name', existing) name: string, @Req() http: Request): Promise<TestResponse> {
    return this.hookTest.run(await this.subscriptions.find(name), askingOf(http, { test: name }));
  }

  @Post(':name/rotate-secret')
  @HttpCode(200)
  @RequireScope('subscribe')
  @ApiOperation({ summary: 'Sign with a new secret; the old one signs too until its grace ends' })
  @ApiHeader({ name: 'Idempotency-Key', required: false, description: 'Repeating a rotation with it changes nothing.' })
  @ApiOkResponse({ type: SubscriptionResponse })
  async rotateSecret(
    @Param('name', existing) name: string,
    @Body() request: RotateSecretRequest,
    @Headers('idempotency-key') key: string | undefined,
  ): Promise<SubscriptionResponse> {
    const graceSeconds = request.graceSeconds ?? defaultGraceSeconds;
    return this.actions.rotateSecret(name, { graceSeconds, idempotencyKey: idempotencyKey(key) });
  }
}
