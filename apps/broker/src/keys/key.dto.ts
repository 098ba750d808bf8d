import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsInt,
  IsOptional,
  Matches,
  Max,
  Min,
} from 'class-validator';
import type { ApiKey } from '@hookcast/database';
import { parseTimestamp } from '@hookcast/protocol';
import { isScopeText } from '../auth/scope.js';
import { EachSatisfies, MayBeAbsent, Satisfies } from '../http/field-rules.js';
import { isName, nameRule } from '../http/names.js';
import { PageResponse } from '../http/page.js';

const isTime = (value: unknown): boolean => typeof value === 'string' && parseTimestamp(value) !== undefined;

export class CreateKeyRequest {
  @ApiProperty({ type: String, example: 'billing', description: 'What the key is for; need not be unique.' })
  // Postgres takes no half of a surrogate pair (Cs) in JSON.
  @Matches(/^[^\p{Cc}\p{Cs}]{1,128}$/u, { message: 'must be a text of 1 to 128 characters without control characters' })
  name!: string;

  @ApiProperty({ type: [String], example: ['publish:orders.*', 'subscribe:**', 'read'] })
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(100)
  @ArrayUnique()
  @EachSatisfies(isScopeText, 'must be publish:<topic pattern>, subscribe:<topic pattern>, read or admin')
  scopes!: string[];

  @ApiPropertyOptional({ type: String, format: 'date-time', nullable: true, description: 'Without it, never.' })
  @IsOptional()
  @Satisfies(isTime, 'must be an RFC 3339 time')
  expiresAt?: string | null;

  @ApiPropertyOptional({
    type: String,
    description: 'What the key is confined to; another one than the own only for admins of the namespace `default`.',
  })
  @MayBeAbsent()
  @Satisfies(isName, nameRule)
  namespace?: string;
}

export class RotateKeyRequest {
  @ApiPropertyOptional({
    type: Number,
    minimum: 0,
    maximum: 2_592_000,
    default: 86_400,
    description: 'How long the old key still works.',
  })
  @MayBeAbsent()
  @IsInt()
  @Min(0)
  @Max(2_592_000)
  graceSeconds?: number;
}

export class KeyResponse {
  @ApiProperty({ type: String, description: 'The public part of the key, after `hc_`.' })
  id!: string;

  @ApiProperty({ type: String })
  name!: string;

  @ApiProperty({ type: String })
  namespace!: string;

  @ApiProperty({ type: [String] })
  scopes!: string[];

  @ApiProperty({ type: String, description: 'The last characters of the key.' })
  hint!: string;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  expiresAt!: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'Up to half a minute late.' })
  lastUsedAt!: string | null;

  @ApiProperty({ type: String, description: 'The id of the key that made it; `admin` is the operator.' })
  createdBy!: string;

  @ApiProperty({ type: String, format: 'date-time' })
  createdAt!: string;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  rotatedAt!: string | null;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'The end of the grace of the key before the last rotation.',
  })
  previousExpiresAt!: string | null;
}

export class IssuedKeyResponse extends KeyResponse {
  @ApiProperty({ type: String, example: 'hc_…', description: 'The key itself. It is shown here and never again.' })
  key!: string;
}

export class KeyPage extends PageResponse {
  @ApiProperty({ type: [KeyResponse] })
  items!: KeyResponse[];
}

export function toKeyResponse(key: ApiKey): KeyResponse {
  const { id, name, namespace, scopes, hint, createdBy } = key;
  return {
    id,
    name,
    namespace,
    scopes,
    hint,
    expiresAt: key.expiresAt?.toISOString() ?? null,
    lastUsedAt: key.lastUsedAt?.toISOString() ?? null,
    createdBy,
    createdAt: key.createdAt.toISOString(),
    rotatedAt: key.rotatedAt?.toISOString() ?? null,
    previousExpiresAt: key.previousExpiresAt?.toISOString() ?? null,
  };
}
