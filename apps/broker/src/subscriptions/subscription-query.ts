import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, Matches } from 'class-validator';
import type { SubscriptionState } from '@hookcast/database';
import { MayBeAbsent, Satisfies } from '../http/field-rules.js';
import { isName, nameRule } from '../http/names.js';
import { PageQuery } from '../http/page.js';

const states = ['active', 'paused', 'suspended', 'stale'] as const;

export class SubscriptionQuery extends PageQuery {
  @ApiPropertyOptional({ type: String })
  @MayBeAbsent()
  @Satisfies(isName, nameRule)
  service?: string;

  @ApiPropertyOptional({ type: String, description: 'Subscriptions that receive this topic.' })
  @MayBeAbsent()
  @Satisfies(isName, nameRule)
  topic?: string;

  @ApiPropertyOptional({ type: String, description: 'Part of the name.', example: 'billing' })
  @MayBeAbsent()
  @Matches(/^[a-z0-9._-]{1,128}$/, { message: 'must be a part of a name' })
  search?: string;

  @ApiPropertyOptional({ enum: states })
  @MayBeAbsent()
  @IsIn(states)
  state?: SubscriptionState;
}
