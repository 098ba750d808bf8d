import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn } from 'class-validator';
import type { Subscription } from '@hookcast/database';
import type { AttemptRecord, DeliveryState, DeliverySummary, FailingDelivery } from '@hookcast/delivery';
import { formatPosition } from '@hookcast/log';
import { isEventId } from '@hookcast/protocol';
import { MayBeAbsent, Satisfies } from '../http/field-rules.js';
import { PageQuery, PageResponse } from '../http/page.js';
import { redeliveryOrders, type RedeliveryOrder } from './redelivery-order.js';

/** Listed where nothing is asked for; not what was not sent: a filter may keep back most of a topic, and its past is long. */
export const listedStates = ['pending', 'retrying', 'ended', 'dead'] as const;
const states = ['pending', 'retrying', 'delivered', 'dead', 'unknown', 'dropped', 'discarded', 'skipped'] as const;
const outcomes = ['delivered', 'retry', 'dead', 'dropped', 'suspend', 'discarded'] as const;

export class DeliveryQuery extends PageQuery {
  @ApiPropertyOptional({ enum: states, description: 'All but `unknown` and `skipped` when absent.' })
  @MayBeAbsent()
  @IsIn(states)
  status?: DeliveryState;

  @ApiPropertyOptional({ type: String, description: 'The id of one event.' })
  @MayBeAbsent()
  @Satisfies((value) => typeof value === 'string' && isEventId(value), 'must be an event id')
  event?: string;
}

/** Where one delivery stands; shared by deliveries and events. */
export abstract class DeliveryProgress {
  @ApiProperty({ type: Number })
  attemptCount!: number;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  lastAttemptAt!: string | null;

  @ApiProperty({ type: Number, nullable: true, description: 'HTTP status of the last attempt.' })
  lastStatus!: number | null;

  @ApiProperty({ type: String, nullable: true })
  lastError!: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'Null also when it is due at once.' })
  nextAttemptAt!: string | null;
}

export class DeliveryResponse extends DeliveryProgress {
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

  @ApiProperty({ type: String, format: 'date-time' })
  publishedAt!: string;

  @ApiProperty({ enum: states })
  status!: DeliveryState;

  @ApiProperty({ type: String })
  reason!: string;
}

export class RetriedDeliveryResponse extends DeliveryResponse {
  @ApiProperty({
    enum: redeliveryOrders,
    description: 'Whether it keeps its place in the order of its key or stream; `none` where it has no order.',
  })
  order!: RedeliveryOrder;

  @ApiProperty({ type: String, description: 'The same in words.' })
  orderReason!: string;
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
  @ApiProperty({
    type: [AttemptResponse],
    description:
      'Oldest first. Requests to a hook that is down, among them its probes, do not count and are in the log only.',
  })
  attempts!: AttemptResponse[];
}

export class DeliveryPage extends PageResponse {
  @ApiProperty({ type: [DeliveryResponse] })
  items!: DeliveryResponse[];
}

const settledReasons = {
  delivered: 'the hook accepted it',
  dropped: 'the hook asked to drop it',
  discarded: 'given up, and its dead letter was discarded',
  skipped: 'published before the subscription began',
  unknown:
    'settled without a recorded attempt: the filter of its time kept it back, or its success was not recorded (HOOKCAST_ATTEMPT_LOG)',
};

function settledReason(state: keyof typeof settledReasons, reason: string | null): string {
  return state === 'skipped' && reason === 'seek' ? 'left out by a seek' : settledReasons[state];
}

/** The event's id, or its position when retention has dropped it. */
function nameOf({ eventId, streamId, seq }: FailingDelivery): string {
  return eventId ?? formatPosition(streamId, seq);
}

function pendingReason({ nextAttemptAt }: DeliverySummary, blocker: FailingDelivery | undefined): string {
  if (blocker) return `waits behind ${nameOf(blocker)}`;
  return nextAttemptAt === null ? 'waits for its first attempt' : 'waits until the event may be delivered';
}

/** What holds all deliveries of a subscription back while it is not active. */
export type SubscriptionStanding = Pick<Subscription, 'state' | 'stateReason'>;

/** Why a delivery is where it is, in words. What waits, waits longer while its subscription is not active. */
export function reasonOf(
  summary: DeliverySummary,
  { state, stateReason }: SubscriptionStanding,
  blocker?: FailingDelivery,
): string {
  const reason = ownReasonOf(summary, blocker);
  if (state === 'active' || (summary.state !== 'pending' && summary.state !== 'retrying')) return reason;
  const why = stateReason === null ? '' : ` (${stateReason})`;
  return `${reason}; the subscription is ${state}${why}`;
}

function ownReasonOf(summary: DeliverySummary, blocker: FailingDelivery | undefined): string {
  const { state, reason, lastError } = summary;
  if (state !== 'pending' && state !== 'retrying' && state !== 'dead') return settledReason(state, reason);
  switch (state) {
    case 'pending':
      return pendingReason(summary, blocker);
    case 'retrying':
      return lastError ?? 'is sent again by request';
    case 'dead':
      return `given up: ${reason ?? 'unknown'}`;
  }
}

export function progressOf(summary: DeliverySummary): Pick<DeliveryProgress, keyof DeliveryProgress> {
  return {
    attemptCount: summary.attempts,
    lastAttemptAt: summary.lastAttemptAt?.toISOString() ?? null,
    lastStatus: summary.lastStatus,
    lastError: summary.lastError,
    nextAttemptAt: summary.nextAttemptAt?.toISOString() ?? null,
  };
}

export function toDeliveryResponse(
  subscription: SubscriptionStanding & Pick<Subscription, 'name'>,
  summary: DeliverySummary,
  blocker?: FailingDelivery,
): DeliveryResponse {
  return {
    subscription: subscription.name,
    eventId: summary.eventId,
    topic: summary.topic,
    type: summary.type,
    position: formatPosition(summary.streamId, summary.seq),
    publishedAt: summary.eventAt.toISOString(),
    status: summary.state,
    reason: reasonOf(summary, subscription, blocker),
    ...progressOf(summary),
  };
}

export function toAttemptResponse(attempt: AttemptRecord): AttemptResponse {
  return {
    attempt: attempt.attempt,
    at: attempt.at.toISOString(),
    outcome: attempt.outcome,
    status: attempt.status,
    durationMs: attempt.durationMs,
    errorClass: attempt.error?.split(':', 1)[0] ?? null,
    error: attempt.error,
    response: attempt.response?.toString('utf8') ?? null,
  };
}
