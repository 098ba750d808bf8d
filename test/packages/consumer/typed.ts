import { createPublisher, PublishError, type Publisher, type PublisherOptions } from '@hookcast/publisher';
import { createOutboxRelay, outboxTableSql, type OutboxRelay } from '@hookcast/publisher/outbox';
import { createTestBus, type TestBus } from '@hookcast/publisher/testing';
import { createReceiver, Retry, type EventContext, type Receiver } from '@hookcast/receiver';
import { createInbox, type Inbox } from '@hookcast/receiver/inbox';
import { verifyFrom, type ReceivedItem } from '@hookcast/receiver/senders';

declare global {
  interface HookcastTopics {
    'consumer.orders': { orderId: string };
  }
}

export async function placeOrder(options: PublisherOptions): Promise<string | undefined> {
  const bus: Publisher = createPublisher(options);
  // @ts-expect-error -- the types of HookcastTopics hold for this package's declarations
  await bus.publish('consumer.orders', { orderId: 7 });
  try {
    const { position } = await bus.publish('consumer.orders', { orderId: '7' }, { key: 'ada' });
    return position;
  } catch (error) {
    return error instanceof PublishError ? error.reason : undefined;
  }
}

export function receiver(bus: TestBus): Receiver {
  const orders = async (order: { orderId: string }, { attempt }: EventContext): Promise<void> => {
    if (attempt === 1) throw new Retry(order.orderId);
  };
  return createReceiver({ secrets: [bus.secret], on: { 'consumer.orders': orders } });
}

export const reply = async (): Promise<number> => {
  const bus = createTestBus();
  return (await bus.deliver(receiver(bus), 'consumer.orders', { orderId: '7' })).status;
};

export const github = async (body: Buffer): Promise<readonly ReceivedItem[]> =>
  (await verifyFrom('github', { method: 'POST', url: '/', headers: [], body }, { secrets: ['s'] })).items;

export const parts: [Inbox, typeof createOutboxRelay, string] = [createInbox(), createOutboxRelay, outboxTableSql()];
export type Relay = OutboxRelay;
