import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn } from 'class-validator';
import { isEventId } from '@hookcast/protocol';
import { formatPosition } from '@hookcast/log';
import { MayBeAbsent, Satisfies } from '../http/field-rules.js';
import { PageQuery, PageResponse } from '../http/page.js';
import type { Attempt, DeliveryFacts } from './delivery-facts-store.js';
import type { ListedStatus } from './delivery-lists-store.js';
import type { DeliveryState, DeliveryStatus } from './delivery-status.js';

const listedStatuses = ['pending', 'retrying', 'delivered', 'dead'] as const;
const statuses = [...listedStatuses, 'dropped', 'expired', 'skipped'] as const;
/** By `attempts.outcome`, see the first migration. */
const outcomes = ['delivered', 'retry', 'dead', 'dropped', 'suspended'] as const;
const responseStartBytes = 1_024;

export class DeliveryQuery extends PageQuery {
  @ApiPropertyOptional({ enum: listedStatuses })
  @MayBeAbsent()
  @IsIn(listedStatuses)
  status?: ListedStatus;

  @ApiPropertyOptional({ type: String, description: 'The id of one event.' })
  @MayBeAbsent()
  @Satisfies((value) => typeof value === 'string' && isEventId(value), 'must be an event id')
  event?: string;
}

export class DeliveryResponse {
  @ApiProperty({ type: String })
  subscription!: string;

  @ApiProperty({ type: String })
  eventId!: string;

  @ApiProperty({ type: String })
  topic!: string;

  @ApiProperty({ type: String })
  position!: string;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  publishedAt!: string | null;

  @ApiProperty({ enum: statuses })
  status!: DeliveryStatus;

  @ApiProperty({ type: String })
  reason!: string;

  @ApiProperty({ type: Number })
  attemptCount!: number;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  lastAttemptAt!: string | null;

  @ApiProperty({ type: Number, nullable: true, description: 'HTTP status of the last attempt.' })
  lastStatus!: number | null;

  @ApiProperty({ type: String, nullable: true })
  lastError!: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  nextAttemptAt!: string | null;
}

export class AttemptResponse {
  @ApiProperty({ type: Number })
  attempt!: number;

  @ApiProperty({ type: String, format: 'date-time' })
  at!: string;

  @ApiProperty({ enum: outcomes })
  outcome!: string;

  @ApiProperty({ type: Number, nullable: true })
  status!: number | null;

  @ApiProperty({ type: Number })
  durationMs!: number;

  @ApiProperty({ type: String, nullable: true, example: 'timeout' })
  errorClass!: string | null;

  @ApiProperty({ type: String, nullable: true })
  error!: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'Start of what the hook answered.' })
  response!: string | null;
}

export class DeliveryDetailResponse extends DeliveryResponse {
  @ApiProperty({ type: [AttemptResponse] })
  attempts!: AttemptResponse[];
}

export class DeliveryPage extends PageResponse {
  @ApiProperty({ type: [DeliveryResponse] })
  items!: DeliveryResponse[];
}

export function toDeliveryResponse(subscription: string, facts: DeliveryFacts, state: DeliveryState): DeliveryResponse {
  return {
    subscription,
    eventId: facts.eventId ?? '',
    topic: facts.topic ?? '',
    position: formatPosition(facts.streamId, facts.seq),
    publishedAt: facts.eventAt?.toISOString() ?? null,
    status: state.status,
    reason: state.reason,
    attemptCount: attemptCount(facts),
    nextAttemptAt: nextAttemptAt(facts),
    lastError: facts.retry?.error ?? facts.dead?.error ?? facts.lastAttempt?.error ?? null,
    ...lastAttempt(facts),
  };
}

export function attemptCount({ lastAttempt: last, retry, dead }: DeliveryFacts): number {
  return last?.attempt ?? retry?.attempts ?? dead?.attempts ?? 0;
}

/** A redelivery by request is due since "epoch", which is no time to show. */
function nextAttemptAt({ retry }: DeliveryFacts): string | null {
  return retry && retry.nextAt.getTime() > 0 ? retry.nextAt.toISOString() : null;
}

function lastAttempt({ lastAttempt: last }: DeliveryFacts): Pick<DeliveryResponse, 'lastAttemptAt' | 'lastStatus'> {
  return { lastAttemptAt: last?.at.toISOString() ?? null, lastStatus: last?.httpStatus ?? null };
}

export function toAttemptResponse(attempt: Attempt): AttemptResponse {
  return {
    attempt: attempt.attempt,
    at: attempt.at.toISOString(),
    outcome: outcomes[attempt.outcome - 1] ?? 'retry',
    status: attempt.httpStatus,
    durationMs: attempt.durationMs,
    errorClass: attempt.error?.split(':', 1)[0] ?? null,
    error: attempt.error,
    response: attempt.response?.subarray(0, responseStartBytes).toString('utf8') ?? null,
  };
}
