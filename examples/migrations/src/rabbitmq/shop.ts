import { Body, Controller, Inject, Post } from '@nestjs/common';
import { ClientProxy, EventPattern, Payload, RpcException } from '@nestjs/microservices';
import { DeadLetter } from '@hookcast/receiver/nest';
import { lastValueFrom } from 'rxjs';
import { bankUrl } from '../settings.js';

// What both programs share: no line of it depends on what carries the events.

interface Order {
  orderId: string;
  total: number;
}

@Controller('orders')
export class Orders {
  constructor(@Inject('BUS') private readonly bus: ClientProxy) {}

  @Post()
  async place(@Body() order: Order): Promise<Order> {
    await lastValueFrom(this.bus.emit('orders.created', order), { defaultValue: undefined });
    return order;
  }
}

@Controller()
export class Billing {
  constructor(@Inject('BUS') private readonly bus: ClientProxy) {}

  @EventPattern('orders.created')
  async bill(@Payload() order: Order): Promise<void> {
    if (order.total < 0) throw new RpcException(new DeadLetter('a negative total'));
    const { ok, status } = await fetch(bankUrl, { method: 'POST', body: JSON.stringify(order) });
    if (!ok) throw new Error(`the bank answered ${status}`);
    console.log(`billed ${order.orderId}`);
    this.bus.emit('payments.card.captured', order);
  }

  @EventPattern('payments.#')
  note(@Payload() { orderId }: Order): void {
    console.log(`noted the payment of ${orderId}`);
  }
}
