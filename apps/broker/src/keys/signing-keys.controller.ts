import { Controller, Get, Header, Inject } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Public } from '../auth/scope.js';
import { signingIdentity, type SigningIdentity } from '../auth/signing-identity.js';
import { keyringOf, RUNTIME, type Runtime } from '../runtime.js';

@ApiTags('keys')
@Controller('.well-known')
export class SigningKeysController {
  private readonly published: SigningIdentity['published'][];

  constructor(@Inject(RUNTIME) runtime: Runtime) {
    const { current, others } = keyringOf(runtime);
    this.published = [current, ...others].map((key) => signingIdentity(key).published);
  }

  @Get('hookcast-keys.json')
  @Public()
  @Header('cache-control', 'public, max-age=300')
  @ApiOperation({ summary: 'The public Ed25519 keys behind v1a signatures, as a JSON Web Key Set' })
  @ApiOkResponse({ description: 'Each key is also given as `publicKey`, `whpk_` and base64.' })
  keys(): { keys: SigningIdentity['published'][] } {
    return { keys: this.published };
  }
}
