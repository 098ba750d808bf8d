import { Controller, Post } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import { HookcastContext } from '@hookcast/receiver/nest-microservice';
import { FromSender, SenderItems, type ReceivedItem } from '@hookcast/receiver/nest-senders';
import type { PaymentCaptured } from './events.js';
import { githubSecret } from './settings.js';

/** Hears of payments the way of @nestjs/microservices, and of pushes from GitHub itself. */
@Controller()
export class Audit {
  // oxlint-disable-next-line typescript/no-unnecessary-type-arguments -- chooses the overload that takes any method
  @EventPattern<string>('nest.payments.*')
  note(@Payload() { orderId, amount }: PaymentCaptured, @Ctx() { id, topic }: HookcastContext): void {
    console.log(`noted ${topic} ${id}: ${amount} for ${orderId}`);
  }

  @Post('github')
  @FromSender('github', { secrets: [githubSecret] })
  onGitHub(@SenderItems() items: readonly ReceivedItem[]): void {
    for (const { eventType } of items) console.log(`took ${eventType} from GitHub`);
  }
}
