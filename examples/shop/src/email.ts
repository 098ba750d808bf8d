import { Injectable, Logger, Module } from '@nestjs/common';
import { HookcastReceiverModule, OnEvent, type EventContext } from '@hookcast/receiver/nest';
import type { OrderCreated, PaymentCaptured } from './events.js';
import { startService } from './service.js';
import { shopSettings } from './settings.js';

const { broker, ports } = shopSettings();

@Injectable()
class Email {
  private readonly logger = new Logger();

  /** Whatever happens to an order or a payment, its customer hears of it. */
  @OnEvent(['orders.*', 'payments.*'], { subscription: 'email.customers' })
  notify(data: OrderCreated | PaymentCaptured, { topic }: EventContext): void {
    this.logger.log(`to ${data.customer}: ${textFor(topic, data)}`);
  }
}

function textFor(topic: string, data: OrderCreated | PaymentCaptured): string {
  if ('amount' in data) return `your payment of ${data.amount} € for order ${data.orderId} has arrived`;
  return topic === 'orders.created'
    ? `thank you for your order ${data.orderId}`
    : `news of order ${data.orderId}: ${topic}`;
}

@Module({
  imports: [HookcastReceiverModule.forRoot({ service: 'email', url: `http://127.0.0.1:${ports.email}`, broker })],
  providers: [Email],
})
class EmailModule {}

await startService('email', EmailModule);
