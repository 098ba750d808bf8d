import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsInt,
  IsOptional,
  IsString,
  Length,
  Matches,
  Max,
  Min,
} from 'class-validator';
import { EachSatisfies, isPlainObject, MayBeAbsent, Satisfies } from '../http/field-rules.js';

const maxSecrets = 10;
const maxOptions = 50;
const longestText = 16_384;

/** No text column of Postgres takes a NUL, and UTF-8 cannot say half a surrogate pair. */
const isText = (value: unknown): boolean =>
  typeof value === 'string' && value.length > 0 && value.length <= longestText && !/[\0\p{Surrogate}]/u.test(value);
const textRule = `must be a text of 1 to ${longestText} characters without NUL`;

const isOptionValue = (one: unknown): boolean => typeof one === 'number' || typeof one === 'boolean' || isText(one);

function isOptions(value: unknown): boolean {
  if (!isPlainObject(value)) return false;
  const entries = Object.entries(value);
  return (
    entries.length <= maxOptions && entries.every(([name, one]) => /^[\w.-]{1,64}$/.test(name) && isOptionValue(one))
  );
}

export class PutSourceRequest {
  @ApiProperty({ type: String, example: 'github', description: 'One of `GET /v1/senders`.' })
  @IsString()
  @Length(1, 64)
  sender!: string;

  @ApiPropertyOptional({ type: String, description: 'How the sender signs. Default: the first of its schemes.' })
  @IsOptional()
  @IsString()
  @Length(1, 64)
  scheme?: string | null;

  @ApiPropertyOptional({
    type: String,
    example: 'github.{type}',
    description: 'Topic of the events; `{type}` and `{sender}` are replaced. Default: `<sender>.{type}`.',
  })
  @IsOptional()
  @IsString()
  @Length(1, 128)
  topic?: string | null;

  @ApiPropertyOptional({ type: String, description: 'What the sender signs with. Left out: the stored ones stay.' })
  @MayBeAbsent()
  @Satisfies(isText, textRule)
  secret?: string;

  @ApiPropertyOptional({ type: [String], description: 'Several while rotating: any of them may have signed.' })
  @MayBeAbsent()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(maxSecrets)
  @ArrayUnique()
  @EachSatisfies(isText, textRule)
  secrets?: string[];

  @ApiPropertyOptional({ type: String, description: 'For senders that sign with a private key.' })
  @MayBeAbsent()
  @Satisfies(isText, textRule)
  publicKey?: string;

  @ApiPropertyOptional({ type: [String] })
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(maxSecrets)
  @ArrayUnique()
  @EachSatisfies(isText, textRule)
  publicKeys?: string[];

  @ApiPropertyOptional({
    type: String,
    nullable: true,
    description: 'The URL as the sender knows it, where it signs that. Default: the URL handed out.',
  })
  @IsOptional()
  @IsString()
  @Length(1, 2048)
  @Matches(/^[^\s\p{Cc}]+$/u, { message: 'must not contain blanks or control characters' })
  callbackUrl?: string | null;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { oneOf: [{ type: 'string' }, { type: 'number' }, { type: 'boolean' }] },
    description: 'Further settings; `GET /v1/senders` lists them for each scheme.',
  })
  @MayBeAbsent()
  @Satisfies(isOptions, `must be an object of at most ${maxOptions} texts, numbers and booleans`)
  options?: Record<string, string | number | boolean>;

  @ApiPropertyOptional({ type: Boolean, default: true })
  @MayBeAbsent()
  @IsBoolean()
  enabled?: boolean;
}

export class RotateTokenRequest {
  @ApiPropertyOptional({
    type: Number,
    minimum: 0,
    maximum: 2_592_000,
    default: 86_400,
    description: 'Seconds that the old URL works on.',
  })
  @MayBeAbsent()
  @IsInt()
  @Min(0)
  @Max(2_592_000)
  graceSeconds?: number;
}

export class CaptureRequest {
  @ApiPropertyOptional({ type: Number, minimum: 0, maximum: 100, default: 10, description: '0 ends the capture.' })
  @MayBeAbsent()
  @IsInt()
  @Min(0)
  @Max(100)
  requests?: number;

  @ApiPropertyOptional({ type: Number, minimum: 1, maximum: 3600, default: 600 })
  @MayBeAbsent()
  @IsInt()
  @Min(1)
  @Max(3600)
  seconds?: number;
}

export class WebSubRequestBody {
  @ApiProperty({ type: String, example: 'https://example.com/feed.atom' })
  @IsString()
  @Length(1, 2048)
  @Matches(/^https?:\/\/[^\s\p{Cc}]+$/u, { message: 'must be an absolute http or https URL' })
  topicUrl!: string;
}
