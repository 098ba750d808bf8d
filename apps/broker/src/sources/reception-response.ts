import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn } from 'class-validator';
import { MayBeAbsent } from '../http/field-rules.js';
import { PageQuery, PageResponse } from '../http/page.js';
import type { Capture } from './source-captures-store.js';
import type { Reception, Verdict } from './source-records-store.js';
import { VerdictCounts, verdicts } from './source-response.js';

export class ReceptionQuery extends PageQuery {
  @ApiPropertyOptional({ enum: verdicts })
  @MayBeAbsent()
  @IsIn(verdicts)
  verdict?: Verdict;
}

export class ReceptionResponse {
  @ApiProperty({ type: String })
  id!: string;

  @ApiProperty({ type: String, format: 'date-time' })
  at!: string;

  @ApiProperty({ enum: verdicts })
  verdict!: Verdict;

  @ApiProperty({ type: String, nullable: true, example: 'signature-mismatch' })
  reason!: string | null;

  @ApiProperty({ type: Number })
  status!: number;

  @ApiProperty({ type: Number, description: 'Of the body.' })
  bytes!: number;

  @ApiProperty({ type: Number })
  durationMs!: number;

  @ApiProperty({ type: String })
  method!: string;

  @ApiProperty({ type: String, nullable: true, description: "The sender's own id, of the first event in a batch." })
  deliveryId!: string | null;

  @ApiProperty({ type: String, nullable: true })
  eventType!: string | null;

  @ApiProperty({ type: Number, description: 'How many events the request held.' })
  events!: number;

  @ApiProperty({ type: [String], description: 'Their ids, at most 500.' })
  eventIds!: string[];
}

export class ReceptionPage extends PageResponse {
  @ApiProperty({ type: [ReceptionResponse] })
  items!: ReceptionResponse[];
}

export class MinuteResponse extends VerdictCounts {
  @ApiProperty({ type: String, format: 'date-time', description: 'Its beginning.' })
  minute!: string;
}

export class MinutesResponse extends PageResponse {
  @ApiProperty({
    type: [MinuteResponse],
    description: 'Minutes of the last hour in which something came, oldest first.',
  })
  items!: MinuteResponse[];
}

export class RepublishedEvent {
  @ApiProperty({ type: String, description: 'The new id.' })
  id!: string;

  @ApiProperty({ type: String })
  topic!: string;

  @ApiProperty({ type: String })
  position!: string;

  @ApiProperty({ type: String, description: 'The event it is a copy of.' })
  copyOf!: string;
}

export class RepublishResponse {
  @ApiProperty({ type: [RepublishedEvent] })
  events!: RepublishedEvent[];
}

export class CaptureResponse {
  @ApiProperty({ type: String, description: 'The id of the reception.' })
  id!: string;

  @ApiProperty({ type: String, format: 'date-time' })
  at!: string;

  @ApiProperty({ enum: verdicts })
  verdict!: string;

  @ApiProperty({ type: String, nullable: true })
  reason!: string | null;

  @ApiProperty({ type: Number })
  status!: number;

  @ApiProperty({ type: String })
  method!: string;

  @ApiProperty({ type: String, description: 'Without the token of the source.' })
  url!: string;

  @ApiProperty({
    type: 'array',
    items: { type: 'array', items: { type: 'string' } },
    description: 'As they came, in order; credentials removed, signatures as prefix, length and fingerprint.',
  })
  headers!: [string, string][];

  @ApiProperty({ type: Number })
  bodyBytes!: number;

  @ApiProperty({
    type: String,
    description: 'The first 64 KiB of the body, base64, with the secrets of the source removed.',
  })
  bodyBase64!: string;
}

export class CapturesResponse extends PageResponse {
  @ApiProperty({ type: [CaptureResponse] })
  items!: CaptureResponse[];
}

export function toReceptionResponse(reception: Reception): ReceptionResponse {
  const { id, verdict, reason, status, bytes, durationMs, method, deliveryId, eventType, events, eventIds } = reception;
  const at = reception.at.toISOString();
  return { id, at, verdict, reason, status, bytes, durationMs, method, deliveryId, eventType, events, eventIds };
}

export function toCaptureResponse(capture: Capture): CaptureResponse {
  const { id, verdict, reason, status, method, url, headers, bodyBytes } = capture;
  const at = capture.at.toISOString();
  const bodyBase64 = capture.body.toString('base64');
  return { id, at, verdict, reason, status, method, url, headers, bodyBytes, bodyBase64 };
}
