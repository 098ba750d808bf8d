import { ApiProperty } from '@nestjs/swagger';
import type { SourceState, WebSubSubscription } from '@hookcast/database';
import { PageResponse } from '../http/page.js';
import type { Verdict } from './source-records-store.js';

export const verdicts = [
  'accepted',
  'duplicate',
  'handshake',
  'refused',
  'failed',
] as const satisfies readonly Verdict[];

export class SourceSecretResponse {
  @ApiProperty({ type: String, example: '…x7Qf' })
  hint!: string;

  @ApiProperty({ type: String, format: 'date-time' })
  createdAt!: string;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'Null: it never verified a request.' })
  lastVerifiedAt!: string | null;
}

export class VerdictCounts {
  @ApiProperty({ type: Number })
  accepted!: number;

  @ApiProperty({ type: Number })
  duplicate!: number;

  @ApiProperty({ type: Number })
  handshake!: number;

  @ApiProperty({ type: Number })
  refused!: number;

  @ApiProperty({ type: Number, description: 'Answered with 503: the fault was ours.' })
  failed!: number;

  @ApiProperty({ type: Number })
  bytes!: number;
}

export class SourceHealthResponse {
  @ApiProperty({ type: Number, description: 'Requests in the last whole minute.' })
  requestsPerMinute!: number;

  @ApiProperty({ type: VerdictCounts })
  lastHour!: VerdictCounts;

  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'number' },
    description: 'Why requests of the last hour were refused or failed.',
    example: { 'signature-mismatch': 3 },
  })
  reasons!: Record<string, number>;
}

export class WebSubResponse {
  @ApiProperty({ enum: ['subscribing', 'subscribed', 'lapsed', 'unsubscribing', 'unsubscribed', 'failed'] })
  state!: WebSubSubscription['state'] | 'lapsed';

  @ApiProperty({ type: String })
  topic!: string;

  @ApiProperty({ type: String })
  hub!: string;

  @ApiProperty({ type: String, format: 'date-time' })
  requestedAt!: string;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  leasedUntil!: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  renewAt!: string | null;

  @ApiProperty({ type: String, nullable: true })
  lastError!: string | null;
}

export class CaptureWindowResponse {
  @ApiProperty({ type: Number })
  requests!: number;

  @ApiProperty({ type: String, format: 'date-time' })
  from!: string;

  @ApiProperty({ type: String, format: 'date-time' })
  until!: string;
}

export class SourceResponse {
  @ApiProperty({ type: String })
  name!: string;

  @ApiProperty({ type: String })
  sender!: string;

  @ApiProperty({ type: String })
  scheme!: string;

  @ApiProperty({ type: String, description: 'Template of the topic.' })
  topic!: string;

  @ApiProperty({ type: Boolean })
  enabled!: boolean;

  @ApiProperty({ enum: ['active', 'revoked'] })
  state!: SourceState;

  @ApiProperty({ type: String, nullable: true })
  stateReason!: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'What the sender is given. A secret: null for keys that may only read.',
  })
  url!: string | null;

  @ApiProperty({ type: [String], description: 'Until when URLs before it still work.' })
  oldUrlsUntil!: string[];

  @ApiProperty({ type: String, nullable: true, description: 'Null: the URL handed out.' })
  callbackUrl!: string | null;

  @ApiProperty({ type: [SourceSecretResponse] })
  secrets!: SourceSecretResponse[];

  @ApiProperty({ type: [String] })
  publicKeys!: string[];

  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' } })
  options!: Record<string, string>;

  @ApiProperty({ type: WebSubResponse, nullable: true })
  websub!: WebSubResponse | null;

  @ApiProperty({ type: CaptureWindowResponse, nullable: true })
  capture!: CaptureWindowResponse | null;

  @ApiProperty({ type: SourceHealthResponse })
  health!: SourceHealthResponse;

  @ApiProperty({ type: String, format: 'date-time' })
  createdAt!: string;

  @ApiProperty({ type: String, format: 'date-time' })
  updatedAt!: string;
}

export class SourcePage extends PageResponse {
  @ApiProperty({ type: [SourceResponse] })
  items!: SourceResponse[];
}
