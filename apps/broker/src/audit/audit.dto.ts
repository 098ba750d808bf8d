import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsString, Length } from 'class-validator';
import { parseTimestamp } from '@hookcast/protocol';
import { MayBeAbsent, Satisfies } from '../http/field-rules.js';
import { PageQuery, PageResponse } from '../http/page.js';
import type { StoredEntry } from './audit-store.js';

const isTime = (value: unknown): boolean => typeof value === 'string' && parseTimestamp(value) !== undefined;
const timeRule = 'must be an RFC 3339 time';
const hasNoNul = (value: unknown): boolean => typeof value === 'string' && !value.includes('\0');

export class AuditQuery extends PageQuery {
  @ApiPropertyOptional({ type: String, description: 'The id or the name of a key; `admin` is the operator.' })
  @MayBeAbsent()
  @IsString()
  @Length(1, 256)
  @Satisfies(hasNoNul, 'must not hold a NUL')
  actor?: string;

  @ApiPropertyOptional({ type: String, example: 'subscription.put' })
  @MayBeAbsent()
  @IsString()
  @Length(1, 256)
  @Satisfies(hasNoNul, 'must not hold a NUL')
  action?: string;

  @ApiPropertyOptional({ type: String, example: 'subscription/billing-orders' })
  @MayBeAbsent()
  @IsString()
  @Length(1, 256)
  @Satisfies(hasNoNul, 'must not hold a NUL')
  target?: string;

  @ApiPropertyOptional({ type: String, format: 'date-time' })
  @MayBeAbsent()
  @Satisfies(isTime, timeRule)
  from?: string;

  @ApiPropertyOptional({ type: String, format: 'date-time', description: 'Exclusive.' })
  @MayBeAbsent()
  @Satisfies(isTime, timeRule)
  to?: string;
}

export class AuditActor {
  @ApiProperty({ type: String, description: '`admin` is the operator; `anonymous` had no valid key.' })
  keyId!: string;

  @ApiProperty({ type: String })
  name!: string;
}

export class AuditEntryResponse {
  @ApiProperty({ type: Number })
  id!: number;

  @ApiProperty({ type: String, format: 'date-time' })
  at!: string;

  @ApiProperty({ type: AuditActor })
  actor!: AuditActor;

  @ApiProperty({ type: String, example: 'PUT' })
  method!: string;

  @ApiProperty({ type: String, example: 'subscription.put' })
  action!: string;

  @ApiProperty({ type: String, example: 'subscription/billing-orders' })
  target!: string;

  @ApiProperty({ type: String, description: '`done`, or the code of the problem that refused it.' })
  outcome!: string;

  @ApiProperty({ type: String, nullable: true })
  detail!: string | null;

  @ApiProperty({ type: Object, nullable: true, description: 'The target before, without secrets.' })
  before!: unknown;

  @ApiProperty({ type: Object, nullable: true })
  after!: unknown;

  @ApiProperty({ type: String, nullable: true })
  requestId!: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'The address that the request came from.' })
  address!: string | null;

  @ApiProperty({ type: Number, description: 'Equal refusals share one entry.' })
  count!: number;
}

export class AuditPage extends PageResponse {
  @ApiProperty({ type: [AuditEntryResponse] })
  items!: AuditEntryResponse[];
}

export function toAuditResponse({ keyId, keyName, at, ...entry }: StoredEntry): AuditEntryResponse {
  const { id, method, action, target, outcome, detail, before, after, requestId, address, count } = entry;
  const actor = { keyId, name: keyName };
  const what = { method, action, target, outcome, detail, before, after };
  return { id, at: at.toISOString(), actor, ...what, requestId, address, count };
}
