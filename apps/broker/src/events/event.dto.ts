import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsInt, IsString, Length, Max, Min } from 'class-validator';
import { DeliveryProgress } from '../deliveries/delivery.dto.js';
import { MayBeAbsent, Satisfies } from '../http/field-rules.js';
import { digitsToNumber, PageResponse } from '../http/page.js';
import { isName, nameRule } from '../http/names.js';
import { parseDuration } from '../http/duration.js';

const maxWaitMs = 60_000;

function isWait(value: unknown): boolean {
  const waitMs = typeof value === 'string' ? parseDuration(value) : undefined;
  return waitMs !== undefined && waitMs <= maxWaitMs;
}

export class StreamQuery {
  @ApiPropertyOptional({ type: String, description: 'A position, or a `nextCursor`: what follows it.' })
  @MayBeAbsent()
  @IsString()
  @Length(1, 4096)
  after?: string;

  @ApiPropertyOptional({ type: String, default: 'earliest', description: '`earliest`, `latest` or an RFC 3339 time.' })
  @MayBeAbsent()
  @IsString()
  @Length(1, 64)
  from?: string;
}

export class ReadQuery extends StreamQuery {
  @ApiPropertyOptional({ type: Number, minimum: 1, maximum: 200, default: 50 })
  @MayBeAbsent()
  @Transform(digitsToNumber)
  @IsInt()
  @Min(1)
  @Max(200)
  limit?: number;

  @ApiPropertyOptional({
    type: String,
    description:
      'The `nextCursor` of the page before, as in other lists: without `wait`, a page with nothing is the last.',
  })
  @MayBeAbsent()
  @IsString()
  @Length(1, 4096)
  cursor?: string;

  @ApiPropertyOptional({ type: String, example: '20s', description: 'How long to wait for a first event, up to 60s.' })
  @MayBeAbsent()
  @Satisfies(isWait, 'must be a duration of at most 60s, like 20s')
  wait?: string;
}

export class EventQuery {
  @ApiPropertyOptional({ type: String, description: 'Where several topics hold an event of this id.' })
  @MayBeAbsent()
  @Satisfies(isName, nameRule)
  topic?: string;
}

export class PublishedResponse {
  @ApiProperty({ type: String })
  id!: string;

  @ApiProperty({ type: String })
  topic!: string;

  @ApiProperty({ type: String, example: '12:345', description: '`<stream>:<seq>`' })
  position!: string;

  @ApiProperty({ type: Boolean, description: 'True when the event was stored by an earlier request already.' })
  duplicate!: boolean;
}

export class EventResponse {
  @ApiProperty({ type: String })
  id!: string;

  @ApiProperty({ type: String })
  topic!: string;

  @ApiProperty({ type: String })
  position!: string;

  @ApiProperty({ type: String, format: 'date-time', description: 'When it was stored.' })
  publishedAt!: string;

  @ApiProperty({ type: String })
  type!: string;

  @ApiProperty({ type: String })
  source!: string;

  @ApiProperty({ type: String, nullable: true })
  subject!: string | null;

  @ApiProperty({ type: String, format: 'date-time' })
  time!: string;

  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' }, description: 'All CloudEvents attributes.' })
  attributes!: Record<string, string>;

  @ApiProperty({ enum: ['json', 'text', 'base64', 'none'], description: 'What `data` is.' })
  dataEncoding!: string;

  @ApiProperty({ description: 'JSON as published, byte for byte; text as a string; everything else in base64.' })
  data!: unknown;
}

export class EventPage extends PageResponse {
  @ApiProperty({ type: [EventResponse] })
  items!: EventResponse[];
}

export class EventDelivery extends DeliveryProgress {
  @ApiProperty({ type: String })
  subscription!: string;

  @ApiProperty({
    type: Boolean,
    description: 'Whether a pattern of the subscription matches the topic, and its filter the event.',
  })
  matched!: boolean;

  @ApiProperty({ type: String, nullable: true, description: 'Null when it did not match.' })
  status!: string | null;

  @ApiProperty({ type: String })
  reason!: string;
}

export class EventDetailResponse extends EventResponse {
  @ApiProperty({ type: [EventDelivery] })
  deliveries!: EventDelivery[];
}
