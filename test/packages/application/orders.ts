import { Body, Controller, Injectable, Post, type OnApplicationShutdown } from '@nestjs/common';
import type { PublishedEvent } from '@hookcast/publisher';
import { HookcastPublisher } from '@hookcast/publisher/nest';
import type { OrderCreated } from './events.js';

@Injectable()
export class Orders {
  constructor(private readonly bus: HookcastPublisher) {}

  async place(order: OrderCreated): Promise<PublishedEvent> {
    return this.bus.publish('nest.orders.created', order, { id: order.orderId });
  }
}

@Controller('orders')
export class OrdersController implements OnApplicationShutdown {
  constructor(private readonly orders: Orders) {}

  onApplicationShutdown(signal: string): void {
    console.log(`closed by ${signal}`);
  }

  @Post()
  async place(@Body() order: OrderCreated): Promise<PublishedEvent> {
    return this.orders.place(order);
  }
}
