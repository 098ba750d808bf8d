import { ApiExtraModels, ApiProperty, ApiPropertyOptional, getSchemaPath } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsIn,
  IsInt,
  IsNumber,
  IsObject,
  IsOptional,
  IsString,
  Length,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import type { HookFormat, SignatureKind } from '@hookcast/database';
import { isTopicPattern, parseSecret, parseTimestamp } from '@hookcast/protocol';
import { EachSatisfies, MayBeAbsent, Satisfies } from '../http/field-rules.js';
import { isName, nameRule } from '../http/names.js';
import { authSubTypes, HookAuthRequest, HookTlsRequest } from './hook-credentials.dto.js';
import { IsHeaderMap } from './hook-header-rules.js';

export const hookFormats = ['cloudevents', 'cloudevents-binary', 'standard-webhooks'] as const;
export const signatureKinds = ['hmac', 'ed25519', 'both'] as const;
const orderings = ['none', 'key', 'strict'] as const;

/** Events a second. */
const leastRate = 0.001;
const mostRate = 1_000_000;

const maxWaitSeconds = 7 * 86_400;

function isSharedSecret(value: unknown): boolean {
  try {
    return typeof value === 'string' && parseSecret(value).kind === 'hmac';
  } catch {
    return false;
  }
}

export const isWait = (value: unknown): boolean =>
  typeof value === 'number' && value >= 0 && value <= maxWaitSeconds && Number.isFinite(value);

export function isStart(value: unknown): boolean {
  return (
    typeof value === 'string' && (value === 'latest' || value === 'earliest' || parseTimestamp(value) !== undefined)
  );
}

const isStatus = (value: unknown): boolean => Number.isInteger(value) && Number(value) >= 100 && Number(value) <= 599;

export class RetryRequest {
  @ApiPropertyOptional({ type: [Number], description: 'Seconds before the second, third … attempt; at most 50.' })
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(50)
  @EachSatisfies(isWait, `must be seconds from 0 to ${maxWaitSeconds}`)
  schedule?: number[];

  @ApiPropertyOptional({ type: Number, minimum: 0, maximum: 1, default: 0.2 })
  @MayBeAbsent()
  @IsNumber()
  @Min(0)
  @Max(1)
  jitter?: number;
}

export class BatchRequest {
  @ApiProperty({ type: Number, minimum: 1, maximum: 1000 })
  @IsInt()
  @Min(1)
  @Max(1000)
  maxEvents!: number;

  @ApiPropertyOptional({
    type: Number,
    minimum: 1024,
    maximum: 8_388_608,
    default: 1_048_576,
    description: 'Bytes of the body; a single larger event is sent by itself.',
  })
  @MayBeAbsent()
  @IsInt()
  @Min(1024)
  @Max(8_388_608)
  maxBytes?: number;
}

@ApiExtraModels(...authSubTypes.map(({ value }) => value))
export class PutSubscriptionRequest {
  @ApiPropertyOptional({ type: String, nullable: true, description: 'The service this subscription belongs to.' })
  @IsOptional()
  @Satisfies(isName, nameRule)
  service?: string | null;

  @ApiProperty({ type: [String], example: ['orders.created', 'orders.*', 'payments.**'] })
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(100)
  @ArrayUnique()
  @EachSatisfies(
    (value) => typeof value === 'string' && isTopicPattern(value),
    'must be a topic name in which a segment may be * and the last may be **',
  )
  topics!: string[];

  @ApiProperty({ type: String, example: 'http://billing:3000/hooks' })
  @IsString()
  @Length(1, 2048)
  @Matches(/^[^\s\p{Cc}]+$/u, { message: 'must not contain blanks or control characters' })
  url!: string;

  @ApiPropertyOptional({
    type: String,
    nullable: true,
    description: 'CEL over attributes and data: docs/filters.md.',
    example: 'data.total > 100',
  })
  @IsOptional()
  @IsString()
  @MaxLength(4096)
  filter?: string | null;

  @ApiPropertyOptional({ enum: hookFormats, default: 'cloudevents' })
  @MayBeAbsent()
  @IsIn(hookFormats)
  format?: HookFormat;

  @ApiPropertyOptional({
    type: BatchRequest,
    nullable: true,
    description: 'Several events in one request, with format cloudevents: docs/batches.md.',
  })
  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => BatchRequest)
  batch?: BatchRequest | null;

  @ApiPropertyOptional({
    enum: orderings,
    default: 'none',
    description:
      '`key`: events of one key one after another; `strict`: one request at a time per stream. docs/ordering.md.',
  })
  @MayBeAbsent()
  @IsIn(orderings)
  ordering?: (typeof orderings)[number];

  @ApiPropertyOptional({ type: Number, minimum: 1, maximum: 1000, default: 32 })
  @MayBeAbsent()
  @IsInt()
  @Min(1)
  @Max(1000)
  concurrency?: number;

  @ApiPropertyOptional({
    type: Number,
    nullable: true,
    minimum: leastRate,
    maximum: mostRate,
    description: 'Events a second over all workers, in bursts of a fifth of a second: docs/flow-control.md.',
  })
  @IsOptional()
  @IsNumber()
  @Min(leastRate)
  @Max(mostRate)
  rateLimit?: number | null;

  @ApiPropertyOptional({ type: Number, minimum: 100, default: 15_000, description: 'Total time of one attempt.' })
  @MayBeAbsent()
  @IsInt()
  @Min(100)
  timeoutMs?: number;

  @ApiPropertyOptional({ type: RetryRequest })
  @MayBeAbsent()
  @IsObject()
  @ValidateNested()
  @Type(() => RetryRequest)
  retry?: RetryRequest;

  @ApiPropertyOptional({ type: [Number], default: [400, 413, 422], description: 'Statuses that dead-letter at once.' })
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(100)
  @EachSatisfies(isStatus, 'must be an HTTP status from 100 to 599')
  nonRetryable?: number[];

  @ApiPropertyOptional({ type: 'object', additionalProperties: { type: 'string' }, default: {} })
  @MayBeAbsent()
  @IsHeaderMap()
  headers?: Record<string, string>;

  @ApiPropertyOptional({
    oneOf: authSubTypes.map(({ value }) => ({ $ref: getSchemaPath(value) })),
    nullable: true,
    description: 'Credentials that the hook is sent besides the signature; never shown again.',
  })
  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => HookAuthRequest, {
    discriminator: { property: 'type', subTypes: authSubTypes },
    keepDiscriminatorProperty: true,
  })
  auth?: HookAuthRequest | null;

  @ApiPropertyOptional({ type: HookTlsRequest, nullable: true, description: 'Own authorities and client certificate.' })
  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => HookTlsRequest)
  tls?: HookTlsRequest | null;

  @ApiPropertyOptional({
    type: String,
    example: 'whsec_…',
    description: '`whsec_` and base64 of 24 to 64 bytes; generated when absent.',
  })
  @MayBeAbsent()
  @Satisfies(isSharedSecret, 'must be whsec_ followed by the base64 of 24 to 64 bytes')
  secret?: string;

  @ApiPropertyOptional({ enum: signatureKinds, default: 'hmac' })
  @MayBeAbsent()
  @IsIn(signatureKinds)
  signature?: SignatureKind;

  @ApiPropertyOptional({ type: String, default: 'latest', description: '`latest`, `earliest` or an RFC 3339 time.' })
  @MayBeAbsent()
  @Satisfies(isStart, 'must be latest, earliest or an RFC 3339 time')
  startFrom?: string;

  @ApiPropertyOptional({
    type: Number,
    nullable: true,
    minimum: 1,
    maximum: 604_800,
    description: 'Renewed by heartbeats of the service.',
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(604_800)
  leaseSeconds?: number | null;
}

export class RotateSecretRequest {
  @ApiPropertyOptional({
    type: Number,
    minimum: 0,
    maximum: 2_592_000,
    default: 86_400,
    description: 'How long the old secret still signs.',
  })
  @MayBeAbsent()
  @IsInt()
  @Min(0)
  @Max(2_592_000)
  graceSeconds?: number;
}

export class ResumeRequest {
  @ApiPropertyOptional({
    type: Number,
    minimum: leastRate,
    maximum: mostRate,
    description: 'Events a second until what waits now is delivered; `rateLimit` holds too.',
  })
  @MayBeAbsent()
  @IsNumber()
  @Min(leastRate)
  @Max(mostRate)
  drainRate?: number;
}
