import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsInt, IsString, Length, Max, Min } from 'class-validator';
import { MayBeAbsent } from '../http/field-rules.js';
import { violationKinds, type Violation } from './violation.js';

export class ReconcileRequest {
  @ApiPropertyOptional({ type: Number, minimum: 1, maximum: 10_000, default: 2_000, description: 'Events to look at.' })
  @MayBeAbsent()
  @IsInt()
  @Min(1)
  @Max(10_000)
  limit?: number;

  @ApiPropertyOptional({ type: String, description: 'The `nextCursor` of the step before; opaque.' })
  @MayBeAbsent()
  @IsString()
  @Length(1, 4096)
  cursor?: string;
}

export class ViolationResponse implements Violation {
  @ApiProperty({ enum: violationKinds })
  kind!: Violation['kind'];

  @ApiProperty({ type: String, nullable: true, description: 'Null: it concerns everybody.' })
  subscription!: string | null;

  @ApiProperty({ type: String })
  topic!: string;

  @ApiProperty({ type: String, nullable: true, description: '`<stream>:<seq>`; seq 0 means the stream as a whole.' })
  position!: string | null;

  @ApiProperty({ type: String, nullable: true })
  eventId!: string | null;

  @ApiProperty({ type: String })
  detail!: string;
}

export class ReconcileResponse {
  @ApiProperty({ type: Number, description: 'Events looked at in this step.' })
  events!: number;

  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'number' },
    description:
      'Deliveries by what became of them: delivered, waiting, retrying, dead, dropped, discarded; `no-trace` counts those that a filter kept back too.',
  })
  deliveries!: Record<string, number>;

  @ApiProperty({
    type: Number,
    description:
      'Deliveries among them that left no record to judge them by (HOOKCAST_ATTEMPT_LOG=failures): of these only the counters of their cursors were compared.',
  })
  unchecked!: number;

  @ApiProperty({ type: [ViolationResponse] })
  violations!: ViolationResponse[];

  @ApiProperty({ type: String, nullable: true, description: 'Null when the whole log has been looked at.' })
  nextCursor!: string | null;
}
