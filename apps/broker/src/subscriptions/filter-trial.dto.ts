import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsInt, IsOptional, IsString, Length, Max, MaxLength, Min } from 'class-validator';
import { MayBeAbsent } from '../http/field-rules.js';

export class MatchRequest {
  @ApiPropertyOptional({ type: String, nullable: true, description: 'Instead of the stored filter; null is none.' })
  @IsOptional()
  @IsString()
  @MaxLength(4096)
  filter?: string | null;

  @ApiPropertyOptional({ type: String, default: 'earliest', description: '`earliest` or an RFC 3339 time.' })
  @MayBeAbsent()
  @IsString()
  @Length(1, 64)
  from?: string;

  @ApiPropertyOptional({ type: Number, minimum: 1, maximum: 1000, default: 100, description: 'Events looked at.' })
  @MayBeAbsent()
  @IsInt()
  @Min(1)
  @Max(1000)
  limit?: number;
}

export class MatchedEvent {
  @ApiProperty({ type: String })
  id!: string;

  @ApiProperty({ type: String })
  topic!: string;

  @ApiProperty({ type: String, example: '12:345' })
  position!: string;

  @ApiProperty({ type: Boolean })
  matched!: boolean;

  @ApiPropertyOptional({ type: String, description: 'Why not: an evaluation error.' })
  reason?: string;
}

export class MatchResponse {
  @ApiProperty({ type: Number })
  scanned!: number;

  @ApiProperty({ type: Number })
  matched!: number;

  @ApiProperty({ type: [MatchedEvent], description: 'Every event looked at, topic by topic.' })
  items!: MatchedEvent[];
}
