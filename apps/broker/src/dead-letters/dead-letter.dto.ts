import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn } from 'class-validator';
import type { DeadLetter } from '@hookcast/delivery';
import { isTimestamp } from '@hookcast/protocol';
import { formatPosition } from '@hookcast/log';
import { MayBeAbsent, Satisfies } from '../http/field-rules.js';
import { isName, nameRule } from '../http/names.js';
import { PageQuery, PageResponse } from '../http/page.js';

const reasons = ['exhausted', 'non-retryable', 'verdict', 'expired'] as const;

const isTime = (value: unknown): boolean => typeof value === 'string' && isTimestamp(value);

export class DeadLetterQuery extends PageQuery {
  @ApiPropertyOptional({ type: String })
  @MayBeAbsent()
  @Satisfies(isName, nameRule)
  subscription?: string;

  @ApiPropertyOptional({ type: String })
  @MayBeAbsent()
  @Satisfies(isName, nameRule)
  topic?: string;

  @ApiPropertyOptional({ enum: reasons })
  @MayBeAbsent()
  @IsIn(reasons)
  reason?: string;

  @ApiPropertyOptional({ type: String, format: 'date-time', description: 'Given up at or after.' })
  @MayBeAbsent()
  @Satisfies(isTime, 'must be an RFC 3339 time')
  from?: string;

  @ApiPropertyOptional({ type: String, format: 'date-time', description: 'Given up before.' })
  @MayBeAbsent()
  @Satisfies(isTime, 'must be an RFC 3339 time')
  to?: string;
}

export class DeadLetterResponse {
  @ApiProperty({ type: String })
  subscription!: string;

  @ApiProperty({ type: String })
  eventId!: string;

  @ApiProperty({ type: String })
  topic!: string;

  @ApiProperty({ type: String })
  type!: string;

  @ApiProperty({ type: String })
  position!: string;

  @ApiProperty({ enum: reasons })
  reason!: string;

  @ApiProperty({ type: String, nullable: true })
  error!: string | null;

  @ApiProperty({ type: Number, nullable: true })
  lastStatus!: number | null;

  @ApiProperty({ type: Number })
  attemptCount!: number;

  @ApiProperty({ type: String, format: 'date-time' })
  publishedAt!: string;

  @ApiProperty({ type: String, format: 'date-time' })
  deadAt!: string;
}

export class DeadLetterPage extends PageResponse {
  @ApiProperty({ type: [DeadLetterResponse] })
  items!: DeadLetterResponse[];
}

export function toDeadLetterResponse(subscription: string, { event, ...dead }: DeadLetter): DeadLetterResponse {
  return {
    subscription,
    eventId: event.id,
    topic: event.topic,
    type: event.type,
    position: formatPosition(event.streamId, event.seq),
    reason: dead.reason,
    error: dead.error,
    lastStatus: dead.status,
    attemptCount: dead.attempts,
    publishedAt: event.createdAt.toISOString(),
    deadAt: dead.deadAt.toISOString(),
  };
}
