import { randomBytes } from 'node:crypto';
import {
  Body,
  Controller,
  Injectable,
  Logger,
  Module,
  Post,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { PublishError } from '@hookcast/publisher';
import { HookcastPublisher, HookcastPublisherModule } from '@hookcast/publisher/nest';
import type { OrderCreated } from './events.js';
import { startService } from './service.js';
import { shopSettings } from './settings.js';

const { broker, orderEveryMs } = shopSettings();
const customers = ['ada@example.com', 'grace@example.com', 'alan@example.com'];

@Injectable()
class Orders {
  private readonly logger = new Logger();
  private readonly run = randomBytes(2).toString('hex');
  private count = 0;

  constructor(private readonly bus: HookcastPublisher) {}

  async place(wish: Partial<OrderCreated> = {}): Promise<OrderCreated> {
    this.count += 1;
    const order: OrderCreated = {
      orderId: `${this.run}-${this.count}`,
      customer: wish.customer ?? customers[this.count % customers.length] ?? '',
      total: wish.total ?? 10 + (this.count % 90),
    };
    // The id makes a repeated publish harmless, the key keeps the orders of one customer in order.
    const { position } = await this.bus.publish('orders.created', order, { id: order.orderId, key: order.customer });
    this.logger.log(`order ${order.orderId}: ${order.total} € for ${order.customer} → orders.created at ${position}`);
    return order;
  }
}

/** Customers who order something every second. */
@Injectable()
class Customers implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly orders: Orders) {}

  onApplicationBootstrap(): void {
    if (orderEveryMs > 0) this.timer = setInterval(() => void this.order(), orderEveryMs);
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  private async order(): Promise<void> {
    try {
      await this.orders.place();
    } catch (error) {
      if (!(error instanceof PublishError)) throw error;
      this.logger.warn(`order ${error.eventId} was not published (${error.reason}): ${error.message}`);
    }
  }
}

@Controller('orders')
class OrdersController {
  constructor(private readonly orders: Orders) {}

  @Post()
  async place(@Body() wish: Partial<OrderCreated> | undefined): Promise<OrderCreated> {
    return this.orders.place(wish);
  }
}

@Module({
  imports: [HookcastPublisherModule.forRoot({ ...broker, source: '/shop/orders' })],
  controllers: [OrdersController],
  providers: [Orders, Customers],
})
class OrdersModule {}

await startService('orders', OrdersModule);
