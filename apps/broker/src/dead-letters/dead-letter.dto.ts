import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn } from 'class-validator';
import type { DeadLetter, DeadLetterGroup } from '@hookcast/delivery';
import { isTimestamp } from '@hookcast/protocol';
import { formatPosition } from '@hookcast/log';
import { MayBeAbsent, Satisfies } from '../http/field-rules.js';
import { isName, nameRule } from '../http/names.js';
import { EventResponse } from '../events/event.dto.js';
import { PageQuery, PageResponse } from '../http/page.js';
import { formatDeadLetterId } from './dead-letter-id.js';

export const deathReasons = ['exhausted', 'non-retryable', 'verdict', 'expired'] as const;

export const isFingerprint = (value: unknown): boolean =>
  typeof value === 'string' && /^[a-z][a-z0-9-]{0,63}$/.test(value);

export const isTime = (value: unknown): boolean => typeof value === 'string' && isTimestamp(value);

export class DeadLetterQuery extends PageQuery {
  @ApiPropertyOptional({ type: String })
  @MayBeAbsent()
  @Satisfies(isName, nameRule)
  subscription?: string;

  @ApiPropertyOptional({ type: String })
  @MayBeAbsent()
  @Satisfies(isName, nameRule)
  topic?: string;

  @ApiPropertyOptional({ enum: deathReasons })
  @MayBeAbsent()
  @IsIn(deathReasons)
  reason?: string;

  @ApiPropertyOptional({ type: String, description: 'Of a group of dead letters.' })
  @MayBeAbsent()
  @Satisfies(isFingerprint, 'must be a fingerprint')
  fingerprint?: string;

  @ApiPropertyOptional({ type: String, format: 'date-time', description: 'Given up at or after.' })
  @MayBeAbsent()
  @Satisfies(isTime, 'must be an RFC 3339 time')
  from?: string;

  @ApiPropertyOptional({ type: String, format: 'date-time', description: 'Given up before.' })
  @MayBeAbsent()
  @Satisfies(isTime, 'must be an RFC 3339 time')
  to?: string;
}

export class DeadLetterGroupQuery extends PageQuery {
  @ApiPropertyOptional({ type: String })
  @MayBeAbsent()
  @Satisfies(isName, nameRule)
  subscription?: string;
}

export class DeadLetterResponse {
  @ApiProperty({ type: String, example: 'dl_7_12_345' })
  id!: string;

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

  @ApiProperty({ enum: deathReasons })
  reason!: string;

  @ApiProperty({ type: String, example: 'status-5xx-1f0c9d4e', description: 'Names the kind of error.' })
  fingerprint!: string;

  @ApiProperty({ type: Boolean, description: 'It is on its way again; it goes once it was delivered.' })
  redriving!: boolean;

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
  const { streamId, seq } = event;
  return {
    id: formatDeadLetterId({ subscriptionId: dead.subscriptionId, streamId, seq }),
    subscription,
    eventId: event.id,
    topic: event.topic,
    type: event.type,
    position: formatPosition(event.streamId, event.seq),
    reason: dead.reason,
    fingerprint: dead.fingerprint,
    redriving: dead.isRedriving,
    error: dead.error,
    lastStatus: dead.status,
    attemptCount: dead.attempts,
    publishedAt: event.createdAt.toISOString(),
    deadAt: dead.deadAt.toISOString(),
  };
}

/** A dead letter with its event. */
export class DeadLetterDetailResponse extends DeadLetterResponse {
  @ApiProperty({ type: EventResponse })
  event!: EventResponse;
}

export class DeadLetterGroupResponse {
  @ApiProperty({ type: String })
  subscription!: string;

  @ApiProperty({ type: String })
  fingerprint!: string;

  @ApiProperty({ type: Number })
  count!: number;

  @ApiProperty({ type: Boolean, description: 'False when there are more than `count`.' })
  isExact!: boolean;

  @ApiProperty({ type: String, format: 'date-time' })
  firstAt!: string;

  @ApiProperty({ type: String, format: 'date-time' })
  lastAt!: string;

  @ApiProperty({ enum: deathReasons, description: 'Of the last one, like the rest.' })
  reason!: string;

  @ApiProperty({ type: String, nullable: true })
  sampleError!: string | null;

  @ApiProperty({ type: Number, nullable: true })
  lastStatus!: number | null;

  @ApiProperty({ type: String })
  sampleEventId!: string;

  @ApiProperty({ type: String })
  topic!: string;
}

export class DeadLetterGroupPage extends PageResponse {
  @ApiProperty({ type: [DeadLetterGroupResponse] })
  items!: DeadLetterGroupResponse[];
}

export function toGroupResponse(subscription: string, group: DeadLetterGroup): DeadLetterGroupResponse {
  const { fingerprint, count, isExact, firstAt, lastAt, reason, error, status, eventId, topic } = group;
  return {
    subscription,
    fingerprint,
    count,
    isExact,
    firstAt: firstAt.toISOString(),
    lastAt: lastAt.toISOString(),
    reason,
    sampleError: error,
    lastStatus: status,
    sampleEventId: eventId,
    topic,
  };
}
