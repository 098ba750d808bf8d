import { Injectable, Logger, Module } from '@nestjs/common';
import { HookcastPublisher, HookcastPublisherModule } from '@hookcast/publisher/nest';
import { HookcastReceiverModule, OnEvent, type EventContext } from '@hookcast/receiver/nest';
import type { OrderCreated, PaymentCaptured } from './events.js';
import { startService } from './service.js';
import { shopSettings } from './settings.js';

const { broker, ports } = shopSettings();

@Injectable()
class Billing {
  private readonly logger = new Logger();

  constructor(private readonly bus: HookcastPublisher) {}

  @OnEvent('orders.created')
  async charge({ orderId, customer, total }: OrderCreated, { id, attempt, traceparent }: EventContext): Promise<void> {
    const payment: PaymentCaptured = { orderId, customer, amount: total };
    // An order that is delivered twice is charged by the same id, and so published once.
    const { duplicate } = await this.bus.publish('payments.captured', payment, {
      id: `payment-${id}`,
      key: customer,
      traceparent,
    });
    const again = duplicate ? ', which was done before' : '';
    this.logger.log(`charged ${total} € for order ${orderId} (attempt ${attempt})${again} → payments.captured`);
  }
}

@Module({
  imports: [
    HookcastPublisherModule.forRoot({ ...broker, source: '/shop/billing' }),
    HookcastReceiverModule.forRoot({ service: 'billing', url: `http://127.0.0.1:${ports.billing}`, broker }),
  ],
  providers: [Billing],
})
class BillingModule {}

await startService('billing', BillingModule);
