import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsString, Length } from 'class-validator';
import { MayBeAbsent } from '../http/field-rules.js';
import { SubscriptionResponse } from './subscription-response.js';

export class SeekRequest {
  @ApiProperty({
    type: String,
    description: '`latest`, `earliest`, a time, or a position (or several, one a stream, by comma).',
  })
  @IsString()
  @Length(1, 4096)
  to!: string;

  @ApiPropertyOptional({ type: Boolean, default: false, description: 'Only say what it would come to.' })
  @MayBeAbsent()
  @IsBoolean()
  dryRun?: boolean;
}

export class SeekResult {
  @ApiProperty({ type: Number, description: 'Streams whose cursor was moved.' })
  streams!: number;

  @ApiProperty({ type: Number, description: 'Events that will not be delivered any more.' })
  skipped!: number;

  @ApiProperty({ type: Number, description: 'Events that will be delivered again.' })
  repeated!: number;
}

export class SeekResponse extends SubscriptionResponse {
  @ApiProperty({ type: SeekResult })
  seek!: SeekResult;
}
