import { X509Certificate } from 'node:crypto';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional, IsString, Length, Matches, MaxLength } from 'class-validator';
import { MayBeAbsent, Satisfies } from '../http/field-rules.js';

const authTypes = ['basic', 'bearer', 'oauth2'] as const;
const printable = /^[^\p{Cc}\p{Cs}]+$/u;
const noControls = { message: 'must not contain control characters' };

/** Any kind of credentials: `type` says which of the fields there are. */
export class HookAuthRequest {
  @ApiProperty({ enum: authTypes })
  @IsIn(authTypes)
  type!: (typeof authTypes)[number];
}

export class BasicAuthRequest extends HookAuthRequest {
  @ApiProperty({ enum: ['basic'] })
  declare type: 'basic';

  @ApiProperty({ type: String })
  @IsString()
  @Length(1, 255)
  @Matches(/^[^\p{Cc}\p{Cs}:]+$/u, { message: 'must not contain colons or control characters' })
  username!: string;

  @ApiProperty({ type: String })
  @IsString()
  @Length(1, 1024)
  @Matches(printable, noControls)
  password!: string;
}

export class BearerAuthRequest extends HookAuthRequest {
  @ApiProperty({ enum: ['bearer'] })
  declare type: 'bearer';

  @ApiProperty({ type: String })
  @IsString()
  @Matches(/^[\x21-\x7e]{1,4096}$/, { message: 'must be 1 to 4096 visible ASCII characters' })
  token!: string;
}

export class OAuth2AuthRequest extends HookAuthRequest {
  @ApiProperty({ enum: ['oauth2'] })
  declare type: 'oauth2';

  @ApiProperty({ type: String, example: 'https://login.example/oauth2/token' })
  @IsString()
  @Length(1, 2048)
  tokenUrl!: string;

  @ApiProperty({ type: String })
  @IsString()
  @Length(1, 1024)
  @Matches(printable, noControls)
  clientId!: string;

  @ApiProperty({ type: String })
  @IsString()
  @Length(1, 1024)
  @Matches(printable, noControls)
  clientSecret!: string;

  @ApiPropertyOptional({ type: String, nullable: true, description: 'Scopes, with blanks in between.' })
  @IsOptional()
  @IsString()
  @MaxLength(1024)
  @Matches(/^[\x21\x23-\x5b\x5d-\x7e ]+$/, { message: 'must be scopes as in RFC 6749, section 3.3' })
  scope?: string | null;
}

/** Every kind of credentials, for the discriminator of the field. */
export const authSubTypes = [
  { name: 'basic', value: BasicAuthRequest },
  { name: 'bearer', value: BearerAuthRequest },
  { name: 'oauth2', value: OAuth2AuthRequest },
];

const maxPem = 65_536;

export class HookTlsRequest {
  @ApiPropertyOptional({
    type: String,
    description: 'PEM. Authorities trusted for this hook instead of the public ones.',
  })
  @MayBeAbsent()
  @Satisfies(isCertificates, 'must be PEM certificates')
  ca?: string;

  @ApiPropertyOptional({ type: String, description: 'PEM. Client certificate with its chain.' })
  @MayBeAbsent()
  @Satisfies(isCertificates, 'must be PEM certificates')
  cert?: string;

  @ApiPropertyOptional({ type: String, description: 'PEM. Private key of the client certificate.' })
  @MayBeAbsent()
  @Satisfies(isKey, 'must be a PEM private key without a passphrase')
  key?: string;
}

function isCertificates(value: unknown): boolean {
  if (typeof value !== 'string' || value.length > maxPem) return false;
  const blocks = value.match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g) ?? [];
  try {
    return blocks.length > 0 && blocks.every((block) => new X509Certificate(block).serialNumber !== '');
  } catch {
    return false;
  }
}

function isKey(value: unknown): boolean {
  return (
    typeof value === 'string' &&
    value.length <= maxPem &&
    /-----BEGIN (?:EC |RSA )?PRIVATE KEY-----/.test(value) &&
    !value.includes('ENCRYPTED')
  );
}

export class HookAuthResponse {
  @ApiProperty({ enum: authTypes })
  type!: (typeof authTypes)[number];

  @ApiPropertyOptional({ type: String })
  username?: string;

  @ApiPropertyOptional({ type: String })
  tokenHint?: string;

  @ApiPropertyOptional({ type: String })
  tokenUrl?: string;

  @ApiPropertyOptional({ type: String })
  clientId?: string;

  @ApiPropertyOptional({ type: String, nullable: true })
  scope?: string | null;
}

export class HookTlsResponse {
  @ApiProperty({ type: Boolean })
  hasCa!: boolean;

  @ApiProperty({ type: Boolean })
  hasCert!: boolean;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  certExpiresAt!: string | null;
}
