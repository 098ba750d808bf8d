import { ApiExtraModels, ApiProperty, ApiPropertyOptional, getSchemaPath } from '@nestjs/swagger';
import { Transform, Type } from 'class-transformer';
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
import { isEventId } from '@hookcast/protocol';
import { paceOf } from './operation-pace.js';
import { EachSatisfies, MayBeAbsent, Satisfies } from '../http/field-rules.js';
import { isName, nameRule } from '../http/names.js';
import { PageQuery, PageResponse } from '../http/page.js';
import { DeadLetterFilterRequest, filterOf } from './dead-letter-filter.dto.js';

const kinds = ['redrive', 'discard', 'replay'] as const;
const statuses = ['pending', 'running', 'done', 'failed', 'cancelled'] as const;
const largestRate = 10_000;
const mostIds = 1_000;

/** With neither `ids` nor `filter` all dead letters of the subscription are meant. */
@ApiExtraModels(DeadLetterFilterRequest)
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

  @ApiPropertyOptional({
    oneOf: [{ $ref: getSchemaPath(DeadLetterFilterRequest) }, { type: 'string', minLength: 1, maxLength: 4096 }],
    description: 'A text is the same as `expression`.',
  })
  @MayBeAbsent()
  @Transform(({ value }) => (typeof value === 'string' ? filterOf(value) : value))
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

  @ApiProperty({
    type: Number,
    nullable: true,
    description: 'Deliveries a second that it may make now: its rate, or less while live deliveries wait.',
  })
  pace!: number | null;

  @ApiProperty({ type: String, nullable: true, description: 'Why it runs slower than its rate.' })
  slowedBy!: string | null;

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
  const waiting = isOpen && kind !== 'discard' ? Math.max(fed - done - failed, 0) : 0;
  return {
    id,
    kind,
    subscription,
    status,
    total,
    done,
    failed,
    skipped,
    waiting,
    waitsFor,
    rate,
    ...(isOpen ? paceOf(operation, waiting) : { pace: null, slowedBy: null }),
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
