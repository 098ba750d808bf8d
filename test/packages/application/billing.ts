import { Inject, Injectable } from '@nestjs/common';
import { OnEvent as OnLocalEvent } from '@nestjs/event-emitter';
import { ClientProxy } from '@nestjs/microservices';
import { HookcastRecord } from '@hookcast/publisher/nest-microservice';
import { OnEvent, Retry, type EventContext } from '@hookcast/receiver/nest';
import { lastValueFrom } from 'rxjs';
import type { OrderCreated, PaymentCaptured } from './events.js';

/** Charges what was ordered, and publishes it the way of @nestjs/microservices. */
@Injectable()
export class Billing {
  constructor(@Inject('BUS') private readonly client: ClientProxy) {}

  @OnEvent('nest.orders.created', { retry: { schedule: [1], jitter: 0 } })
  async charge({ orderId }: OrderCreated, { attempt }: EventContext): Promise<void> {
    if (orderId.startsWith('later') && attempt === 1) throw new Retry('the bank sleeps');
    const payment: PaymentCaptured = { orderId, amount: 42 };
    await lastValueFrom(
      this.client.emit('nest.payments.captured', new HookcastRecord(payment, { id: `paid-${orderId}` })),
    );
    console.log(`charged ${orderId} at attempt ${attempt}`);
  }
}

/** Hears of orders the way of @nestjs/event-emitter. */
@Injectable()
export class Mails {
  @OnLocalEvent('nest.orders.created', { suppressErrors: false })
  thank({ orderId }: OrderCreated, { topic }: EventContext): void {
    console.log(`thanked for ${orderId} of ${topic}`);
  }
}
