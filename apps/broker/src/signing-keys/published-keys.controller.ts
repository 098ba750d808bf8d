import { Controller, Get, Header, Query, type PipeTransform } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { asBroker, defaultNamespace } from '../auth/namespace.js';
import { Public } from '../auth/scope.js';
import { isName, nameRule } from '../http/names.js';
import { invalid } from '../http/validation.js';
import { PublishedKeysResponse } from './signing-key.dto.js';
import { SigningKeys } from './signing-keys.js';

const namespaceOrDefault: PipeTransform<unknown, string> = {
  transform: (value) => {
    if (value === undefined) return defaultNamespace;
    if (typeof value === 'string' && isName(value)) return value;
    throw invalid([{ pointer: '/namespace', detail: nameRule }]);
  },
};

@ApiTags('keys')
@Controller('.well-known')
export class PublishedKeysController {
  constructor(private readonly keys: SigningKeys) {}

  @Get('hookcast-keys.json')
  @Public()
  @Header('cache-control', 'public, max-age=300')
  @ApiOperation({ summary: 'The public Ed25519 keys behind v1a signatures of a namespace, as a JSON Web Key Set' })
  @ApiQuery({ name: 'namespace', required: false, type: String, description: 'Without it, `default`.' })
  @ApiOkResponse({ type: PublishedKeysResponse })
  async published(@Query('namespace', namespaceOrDefault) namespace: string): Promise<PublishedKeysResponse> {
    // Public keys are for everybody, whatever key the request carries.
    return { keys: await asBroker(async () => this.keys.published(namespace)) };
  }
}
