import { ApiProperty } from '@nestjs/swagger';
import { AttemptMinute } from '../subscriptions/delivery-minutes.controller.js';
import { TroubleResponse } from '../subscriptions/subscription-response.js';
import { PageResponse } from '../http/page.js';

export class SubscriptionCounts {
  @ApiProperty({ type: Number })
  active!: number;

  @ApiProperty({ type: Number })
  paused!: number;

  @ApiProperty({ type: Number })
  suspended!: number;

  @ApiProperty({ type: Number })
  stale!: number;
}

export class FailingEndpoint {
  @ApiProperty({ type: String })
  subscription!: string;

  @ApiProperty({ type: String })
  url!: string;

  @ApiProperty({ type: String })
  state!: string;

  @ApiProperty({ type: Number, nullable: true })
  successRate!: number | null;

  @ApiProperty({ type: Number })
  backlog!: number;
}

export class TroubledSubscription {
  @ApiProperty({ type: String })
  subscription!: string;

  @ApiProperty({ type: String })
  state!: string;

  @ApiProperty({ type: Number })
  backlog!: number;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  oldestPendingAt!: string | null;

  @ApiProperty({ type: [TroubleResponse], description: 'The gravest first.' })
  troubles!: TroubleResponse[];
}

export class ReconcilerResponse {
  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'Null until its first run.' })
  lastRunAt!: string | null;

  @ApiProperty({ type: Number, description: 'Deliveries that it looked at since the answering process began.' })
  deliveries!: number;

  @ApiProperty({ type: Number, description: 'Those among them that nothing accounts for.' })
  violations!: number;
}

export class StorageResponse {
  @ApiProperty({ enum: ['accepted', 'refused'], description: 'Refused: publishes are answered with 503 storage-full.' })
  publishing!: 'accepted' | 'refused';

  @ApiProperty({ type: String, nullable: true, description: 'Which limit was reached.' })
  reason!: string | null;

  @ApiProperty({ type: Number, nullable: true, description: 'Without the write-ahead log.' })
  databaseBytes!: number | null;

  @ApiProperty({ type: Number, nullable: true })
  maxDatabaseBytes!: number | null;

  @ApiProperty({ type: Number, nullable: true, description: 'On the disk of the embedded database.' })
  freeBytes!: number | null;
}

export class OverviewResponse {
  @ApiProperty({ type: Number })
  topics!: number;

  @ApiProperty({ type: SubscriptionCounts })
  subscriptions!: SubscriptionCounts;

  @ApiProperty({ type: Number, description: 'Events a second over all topics, in the last minute.' })
  publishRate!: number;

  @ApiProperty({ type: Number, description: 'Deliveries that are not settled yet.' })
  backlog!: number;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  oldestPendingAt!: string | null;

  @ApiProperty({ type: [FailingEndpoint], description: 'Suspended, or less than nine of ten attempts succeed.' })
  failing!: FailingEndpoint[];

  @ApiProperty({ type: Number, description: 'Deliveries a second that succeeded, in the last one to two minutes.' })
  deliveryRate!: number;

  @ApiProperty({ type: [AttemptMinute], description: 'Minutes of the last hour in which something was sent.' })
  minutes!: AttemptMinute[];

  @ApiProperty({ type: Number, description: 'Subscriptions that do not get their events as they come.' })
  troubled!: number;

  @ApiProperty({ type: [TroubledSubscription], description: 'The first 50 of them, the gravest first.' })
  troubles!: TroubledSubscription[];

  @ApiProperty({ type: ReconcilerResponse, nullable: true, description: 'Null for other namespaces than default.' })
  reconciler!: ReconcilerResponse | null;

  @ApiProperty({ type: Number })
  workers!: number;

  @ApiProperty({
    type: StorageResponse,
    description: 'The figures are null for keys of other namespaces than default.',
  })
  storage!: StorageResponse;
}

export class WorkerResponse {
  @ApiProperty({ type: String })
  workerId!: string;

  @ApiProperty({ type: String })
  host!: string;

  @ApiProperty({ type: Number })
  pid!: number;

  @ApiProperty({ type: Number, description: 'Streams it delivers from.' })
  streams!: number;

  @ApiProperty({ type: [String], example: ['orders.created/0'], description: 'The first 20: topic and partition.' })
  owns!: string[];

  @ApiProperty({ type: String, format: 'date-time' })
  startedAt!: string;

  @ApiProperty({ type: String, format: 'date-time' })
  heartbeatAt!: string;
}

export class WorkerList extends PageResponse {
  @ApiProperty({ type: [WorkerResponse] })
  items!: WorkerResponse[];
}
