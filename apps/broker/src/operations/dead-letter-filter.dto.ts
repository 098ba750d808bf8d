import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsString, Length } from 'class-validator';
import { deathReasons, isFingerprint, isTime } from '../dead-letters/dead-letter.dto.js';
import { MayBeAbsent, Satisfies } from '../http/field-rules.js';
import { isName, nameRule } from '../http/names.js';

/** Which dead letters of a subscription are meant. */
export class DeadLetterFilterRequest {
  @ApiPropertyOptional({ enum: deathReasons })
  @MayBeAbsent()
  @IsIn(deathReasons)
  reason?: string;

  @ApiPropertyOptional({ type: String, description: 'Of a group of dead letters.' })
  @MayBeAbsent()
  @Satisfies(isFingerprint, 'must be a fingerprint')
  fingerprint?: string;

  @ApiPropertyOptional({ type: String })
  @MayBeAbsent()
  @Satisfies(isName, nameRule)
  topic?: string;

  @ApiPropertyOptional({ type: String, format: 'date-time', description: 'Given up at or after.' })
  @MayBeAbsent()
  @Satisfies(isTime, 'must be an RFC 3339 time')
  from?: string;

  @ApiPropertyOptional({ type: String, format: 'date-time', description: 'Given up before.' })
  @MayBeAbsent()
  @Satisfies(isTime, 'must be an RFC 3339 time')
  to?: string;

  @ApiPropertyOptional({ type: String, description: 'CEL over the event, as in the filter of a subscription.' })
  @MayBeAbsent()
  @IsString()
  @Length(1, 4096)
  expression?: string;
}

/** A filter that was given as the text of its expression. */
export class DeadLetterExpression extends DeadLetterFilterRequest {}

/** The filter that is meant by the text of an expression. */
export function filterOf(expression: string): DeadLetterFilterRequest {
  return Object.assign(new DeadLetterExpression(), { expression });
}
