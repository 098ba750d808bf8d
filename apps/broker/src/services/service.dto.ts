import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { ArrayMaxSize, ArrayUnique, IsArray, IsInt, Max, Min, ValidateNested } from 'class-validator';
import type { SubscriptionState } from '@hookcast/database';
import { EachSatisfies, isPlainObject, MayBeAbsent, Satisfies } from '../http/field-rules.js';
import { isName, nameRule } from '../http/names.js';
import { PutSubscriptionRequest } from '../subscriptions/subscription.dto.js';
import { SubscriptionResponse } from '../subscriptions/subscription-response.js';

export class DeclaredSubscription extends PutSubscriptionRequest {
  @ApiProperty({ type: String })
  @Satisfies(isName, nameRule)
  name!: string;
}

export class PutServiceRequest {
  @ApiPropertyOptional({
    type: Number,
    description: 'Grows with every deploy; an older one than the stored is refused.',
  })
  @MayBeAbsent()
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  revision?: number;

  @ApiProperty({
    type: [DeclaredSubscription],
    description: 'All subscriptions of the service: others of it are removed.',
  })
  @IsArray()
  @ArrayMaxSize(200)
  @EachSatisfies(isPlainObject, 'must be an object')
  @ArrayUnique(nameOf, { message: 'must not hold two subscriptions of one name' })
  @ValidateNested({ each: true })
  @Type(() => DeclaredSubscription)
  subscriptions!: DeclaredSubscription[];
}

function nameOf(subscription: unknown): unknown {
  return isPlainObject(subscription) ? subscription['name'] : subscription;
}

export class ServicePlan {
  @ApiProperty({ type: [String] })
  created!: string[];

  @ApiProperty({ type: [String] })
  updated!: string[];

  @ApiProperty({ type: [String] })
  unchanged!: string[];

  @ApiProperty({ type: [String] })
  removed!: string[];
}

export class ServiceResponse {
  @ApiProperty({ type: String })
  service!: string;

  @ApiProperty({ type: String, description: 'Whose Ed25519 keys sign, as `/.well-known/hookcast-keys.json` has them.' })
  namespace!: string;

  @ApiProperty({ type: Number, nullable: true })
  revision!: number | null;

  @ApiProperty({ type: Boolean, description: 'True when nothing was changed because only the plan was asked for.' })
  dryRun!: boolean;

  @ApiProperty({ type: ServicePlan })
  plan!: ServicePlan;

  @ApiProperty({ type: [SubscriptionResponse], description: 'The subscriptions as they are now, with their secrets.' })
  subscriptions!: SubscriptionResponse[];
}

export class LeasedSubscription {
  @ApiProperty({ type: String })
  name!: string;

  @ApiProperty({ type: String })
  state!: SubscriptionState;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  leasedUntil!: string | null;
}

export class HeartbeatResponse {
  @ApiProperty({ type: String })
  service!: string;

  @ApiProperty({ type: String, format: 'date-time' })
  heartbeatAt!: string;

  @ApiProperty({ type: [LeasedSubscription] })
  subscriptions!: LeasedSubscription[];
}
