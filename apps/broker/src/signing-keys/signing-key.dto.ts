import { ApiProperty } from '@nestjs/swagger';
import type { PublishedKey } from './signing-key.js';

export class PublishedKeyResponse implements PublishedKey {
  @ApiProperty({ type: String, description: 'The first characters of the SHA-256 of the key.' })
  kid!: string;

  @ApiProperty({ enum: ['OKP'] })
  kty!: 'OKP';

  @ApiProperty({ enum: ['Ed25519'] })
  crv!: 'Ed25519';

  @ApiProperty({ enum: ['EdDSA'] })
  alg!: 'EdDSA';

  @ApiProperty({ enum: ['sig'] })
  use!: 'sig';

  @ApiProperty({ type: String, description: 'The key in base64url, as JSON Web Keys have it.' })
  x!: string;

  @ApiProperty({ type: String, example: 'whpk_…' })
  publicKey!: string;

  @ApiProperty({ type: String, description: 'The namespace whose events it signs.' })
  namespace!: string;
}

export class PublishedKeysResponse {
  @ApiProperty({ type: [PublishedKeyResponse], description: 'Newest first.' })
  keys!: PublishedKeyResponse[];
}
