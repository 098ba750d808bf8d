import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsIn,
  IsNumber,
  IsOptional,
  IsString,
  Length,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import type { Operation, OperationKind, OperationStatus } from '@hookcast/delivery';
import { formatPosition, type StoredEvent } from '@hookcast/log';
import { isEventId, isTimestamp } from '@hookcast/protocol';
import { EachSatisfies, MayBeAbsent, Satisfies } from '../http/field-rules.js';
import { isName, nameRule } from '../http/names.js';
import { PageQuery, PageResponse } from '../http/page.js';

const kinds = ['redrive', 'discard', 'replay'] as const;
const statuses = ['pending', 'running', 'done', 'failed', 'cancelled'] as const;
const largestRate = 10_000;
const mostIds = 1_000;

const isTime = (value: unknown): boolean => typeof value === 'string' && isTimestamp(value);
const isWord = (value: unknown): boolean => typeof value === 'string' && /^[a-z][a-z0-9-]{0,63}$/.test(value);

export class DeadLetterFilterRequest {
  @ApiPropertyOptional({ type: String, example: 'exhausted' })
  @MayBeAbsent()
  @Satisfies(isWord, 'must be a reason')
  reason?: string;

  @ApiPropertyOptional({ type: String, description: 'Of a group of dead letters.' })
  @MayBeAbsent()
  @Satisfies(isWord, 'must be a fingerprint')
  fingerprint?: string;

  @ApiPropertyOptional({ type: String })
  @MayBeAbsent()
  @Satisfies(isName, nameRule)
  topic?: string;

  @ApiPropertyOptional({ type: String, format: 'date-time', description: 'Given up at or after.' })
  @MayBeAbsent()
  @Satisfies(isTime, 'must be an RFC 3339 time')
  from?: string;

  @ApiPropertyOptional({ type: String, format: 'date-time', description: 'Given up before.' })
  @MayBeAbsent()
  @Satisfies(isTime, 'must be an RFC 3339 time')
  to?: string;

  @ApiPropertyOptional({ type: String, description: 'CEL over the event, as in the filter of a subscription.' })
  @MayBeAbsent()
  @IsString()
  @Length(1, 4096)
  expression?: string;
}

/** With neither `ids` nor `filter` all dead letters of the subscription are meant. */
export class DeadLetterOperationRequest {
  @ApiProperty({ type: String })
  @Satisfies(isName, nameRule)
  subscription!: string;

  @ApiPropertyOptional({ type: [String], description: 'Ids of dead letters or of their events, 1 to 1,000.' })
  @MayBeAbsent()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(mostIds)
  @ArrayUnique()
  @EachSatisfies((value) => typeof value === 'string' && isEventId(value), 'must be an id')
  ids?: string[];

  @ApiPropertyOptional({ type: DeadLetterFilterRequest })
  @MayBeAbsent()
  @Type(() => DeadLetterFilterRequest)
  @ValidateNested()
  filter?: DeadLetterFilterRequest;

  @ApiPropertyOptional({
    type: Number,
    description: 'Most a second. A redrive has 200 by default, a discard no limit.',
  })
  @MayBeAbsent()
  @IsNumber()
  @Min(0.01)
  @Max(largestRate)
  rate?: number;

  @ApiPropertyOptional({ type: Boolean, default: false, description: 'Only says how many would be concerned.' })
  @MayBeAbsent()
  @IsBoolean()
  dryRun?: boolean;
}

export class ReplayRequest {
  @ApiProperty({ type: String, description: '`earliest`, a time, or a position (or several, one a stream, by comma).' })
  @IsString()
  @Length(1, 4096)
  from!: string;

  @ApiPropertyOptional({
    type: String,
    description: 'A time (exclusive) or positions (inclusive). Default: up to now.',
  })
  @MayBeAbsent()
  @IsString()
  @Length(1, 4096)
  to?: string;

  @ApiPropertyOptional({ type: String, nullable: true, description: 'CEL, on top of the subscription’s own filter.' })
  @IsOptional()
  @IsString()
  @MaxLength(4096)
  filter?: string | null;

  @ApiPropertyOptional({ type: Number, default: 200, description: 'Most deliveries a second.' })
  @MayBeAbsent()
  @IsNumber()
  @Min(0.01)
  @Max(largestRate)
  rate?: number;

  @ApiPropertyOptional({ type: Boolean, default: false, description: 'Only says how many would be concerned.' })
  @MayBeAbsent()
  @IsBoolean()
  dryRun?: boolean;
}

export class OperationQuery extends PageQuery {
  @ApiPropertyOptional({ type: String })
  @MayBeAbsent()
  @Satisfies(isName, nameRule)
  subscription?: string;

  @ApiPropertyOptional({ enum: kinds })
  @MayBeAbsent()
  @IsIn(kinds)
  kind?: OperationKind;

  @ApiPropertyOptional({ enum: statuses })
  @MayBeAbsent()
  @IsIn(statuses)
  status?: OperationStatus;
}

export class OperationResponse {
  @ApiProperty({ type: String, format: 'uuid' })
  id!: string;

  @ApiProperty({ enum: kinds })
  kind!: OperationKind;

  @ApiProperty({ type: String })
  subscription!: string;

  @ApiProperty({
    enum: statuses,
    description: '`done` also when deliveries failed; `failed` when it could not be run.',
  })
  status!: OperationStatus;

  @ApiProperty({ type: Number, description: 'Dead letters or events in the range; at least so many while it runs.' })
  total!: number;

  @ApiProperty({ type: Number, description: 'Delivered, or discarded.' })
  done!: number;

  @ApiProperty({ type: Number, description: 'Given up again.' })
  failed!: number;

  @ApiProperty({ type: Number, description: 'Left out: kept back by a filter, gone, or on their way already.' })
  skipped!: number;

  @ApiProperty({ type: Number, description: 'Set going and not settled yet.' })
  waiting!: number;

  @ApiProperty({ type: String, nullable: true, description: 'Why it does not get on at the moment.' })
  waitsFor!: string | null;

  @ApiProperty({ type: Number, nullable: true, description: 'Most deliveries a second.' })
  rate!: number | null;

  @ApiProperty({ type: String, nullable: true })
  error!: string | null;

  @ApiProperty({ type: String, description: 'The key that asked for it.' })
  createdBy!: string;

  @ApiProperty({ type: String, format: 'date-time' })
  createdAt!: string;

  @ApiProperty({ type: String, format: 'date-time' })
  updatedAt!: string;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  finishedAt!: string | null;
}

export class OperationPage extends PageResponse {
  @ApiProperty({ type: [OperationResponse] })
  items!: OperationResponse[];
}

export class SampledEvent {
  @ApiProperty({ type: String })
  eventId!: string;

  @ApiProperty({ type: String })
  topic!: string;

  @ApiProperty({ type: String })
  type!: string;

  @ApiProperty({ type: String, example: '12:345' })
  position!: string;
}

/** The members of an operation, as far as one that is only tried has them. */
export class DryRunResponse {
  @ApiProperty({ type: Boolean, example: true })
  dryRun!: true;

  @ApiProperty({ type: String, nullable: true, example: null })
  id!: null;

  @ApiProperty({ enum: kinds })
  kind!: OperationKind;

  @ApiProperty({ type: String })
  subscription!: string;

  @ApiProperty({ enum: ['dry-run'] })
  status!: 'dry-run';

  @ApiProperty({ type: Number, description: 'How many it would concern.' })
  total!: number;

  @ApiProperty({
    type: Boolean,
    description: 'False when there were too many to look at all; `total` is a bound then.',
  })
  isExact!: boolean;

  @ApiProperty({ type: Number })
  done!: number;

  @ApiProperty({ type: Number })
  failed!: number;

  @ApiProperty({ type: [SampledEvent], description: 'The first ones, ten at most.' })
  sample!: SampledEvent[];
}

export function toOperationResponse(operation: Operation): OperationResponse {
  const { id, kind, subscription, status, total, fed, done, failed, skipped, waitsFor, rate, error } = operation;
  const isOpen = operation.finishedAt === null;
  return {
    id,
    kind,
    subscription,
    status,
    total,
    done,
    failed,
    skipped,
    waiting: isOpen && kind !== 'discard' ? Math.max(fed - done - failed, 0) : 0,
    waitsFor,
    rate,
    error,
    createdBy: operation.createdBy,
    createdAt: operation.createdAt.toISOString(),
    updatedAt: operation.updatedAt.toISOString(),
    finishedAt: operation.finishedAt?.toISOString() ?? null,
  };
}

export function toSample(event: StoredEvent): SampledEvent {
  const { id: eventId, topic, type } = event;
  return { eventId, topic, type, position: formatPosition(event.streamId, event.seq) };
}
