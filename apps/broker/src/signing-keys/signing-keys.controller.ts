import { Body, Controller, Headers, HttpCode, Inject, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { callerNamespace } from '../auth/namespace.js';
import { RequireScope } from '../auth/scope.js';
import { ControlPlane } from '../control/control-plane.js';
import { idempotencyKey } from '../http/idempotency-key.js';
import { RotateKeyRequest } from '../keys/key.dto.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import { PublishedKeysResponse } from './signing-key.dto.js';
import { SigningKeys } from './signing-keys.js';

const defaultGraceSeconds = 86_400;

@ApiTags('keys')
@ApiBearerAuth()
@Controller('v1/signing-keys')
@RequireScope('admin')
export class SigningKeysController {
  constructor(
    private readonly keys: SigningKeys,
    private readonly control: ControlPlane,
    @Inject(RUNTIME) private readonly runtime: Runtime,
  ) {}

  /** A control change: every worker loads the new key at once. */
  @Post('rotate')
  @HttpCode(200)
  @ApiOperation({ summary: 'Sign with a new Ed25519 key; the old one signs along until its grace ends' })
  @ApiHeader({ name: 'Idempotency-Key', required: false, description: 'Repeating a rotation with it changes nothing.' })
  @ApiOkResponse({ type: PublishedKeysResponse })
  async rotate(
    @Body() { graceSeconds = defaultGraceSeconds }: RotateKeyRequest,
    @Headers('idempotency-key') header: string | undefined,
  ): Promise<PublishedKeysResponse> {
    const rotation = { now: this.runtime.clock.now(), graceSeconds, idempotencyKey: idempotencyKey(header) };
    const namespace = callerNamespace();
    const keys = await this.control.change(async (tx) => this.keys.rotate(tx, namespace, rotation));
    this.runtime.log.info({ namespace, kid: keys[0]?.kid, graceSeconds }, 'signing-key.rotated');
    return { keys };
  }
}
