import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  HttpCode,
  Param,
  Post,
  Query,
  Req,
  type PipeTransform,
} from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiCreatedResponse,
  ApiHeader,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import type { Request } from 'express';
import { callerOf } from '../auth/callers.js';
import { isKeyId } from '../auth/key-format.js';
import { RequireScope } from '../auth/scope.js';
import { idempotencyKey } from '../http/idempotency-key.js';
import { PageQuery } from '../http/page.js';
import { Problem } from '../http/problem.js';
import { CreateKeyRequest, IssuedKeyResponse, KeyPage, RotateKeyRequest } from './key.dto.js';
import { KeysService } from './keys.service.js';

const defaultGraceSeconds = 86_400;

const existingId: PipeTransform<string, string> = {
  transform: (text) => {
    if (!isKeyId(text)) throw new Problem('key-not-found');
    return text;
  },
};

@ApiTags('keys')
@ApiBearerAuth()
@Controller('v1/keys')
@RequireScope('admin')
export class KeysController {
  constructor(private readonly keys: KeysService) {}

  @Post()
  @ApiOperation({ summary: 'Make an API key; the answer shows it, and nothing ever will again' })
  @ApiHeader({ name: 'Idempotency-Key', required: false, description: 'Repeating the request gives the same key.' })
  @ApiCreatedResponse({ type: IssuedKeyResponse })
  async create(
    @Body() request: CreateKeyRequest,
    @Headers('idempotency-key') key: string | undefined,
    @Req() http: Request,
  ): Promise<IssuedKeyResponse> {
    return this.keys.create(request, { createdBy: callerOf(http)?.keyId ?? '', idempotencyKey: idempotencyKey(key) });
  }

  @Get()
  @ApiOperation({ summary: 'List API keys by name' })
  @ApiOkResponse({ type: KeyPage })
  async list(@Query() query: PageQuery): Promise<KeyPage> {
    return this.keys.list(query);
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ summary: 'Revoke a key; within seconds no process accepts it' })
  @ApiNoContentResponse()
  async revoke(@Param('id', existingId) id: string): Promise<void> {
    await this.keys.revoke(id);
  }

  @Post(':id/rotate')
  @HttpCode(200)
  @ApiOperation({ summary: 'Make a new key under the same id; the old one works too until its grace ends' })
  @ApiHeader({ name: 'Idempotency-Key', required: false, description: 'Repeating a rotation with it changes nothing.' })
  @ApiOkResponse({ type: IssuedKeyResponse })
  async rotate(
    @Param('id', existingId) id: string,
    @Body() request: RotateKeyRequest,
    @Headers('idempotency-key') key: string | undefined,
  ): Promise<IssuedKeyResponse> {
    const graceSeconds = request.graceSeconds ?? defaultGraceSeconds;
    return this.keys.rotate(id, { graceSeconds, idempotencyKey: idempotencyKey(key) });
  }
}
