import { createTestBus } from '@hookcast/publisher/testing';
import type { TopicData } from '@hookcast/receiver';
import { OnEvent } from '@hookcast/receiver/nest';

declare global {
  interface HookcastTopics {
    'typed.created': { orderId: string; total: number };
    'typed.paid': { paymentId: string };
  }
}

// `tsc -b` checks this file: an expected error that does not come is an error.
test('data is checked for the topics that are known, and free for others', async () => {
  const bus = createTestBus();
  await bus.publish('typed.created', { orderId: '7', total: 1 });
  // @ts-expect-error total is a number
  await bus.publish('typed.created', { orderId: '7', total: 'much' });
  // @ts-expect-error orderId is missing
  await bus.publishBatch('typed.created', [{ data: { total: 1 } }]);
  await bus.publish('untyped.created', { whatever: true });
  const topic: string = 'untyped.paid';
  await bus.publish(topic, 7);
  const data: TopicData<'typed.paid'> = { paymentId: 'p' };
  await bus.publish('typed.paid', data);
  expect(bus.published()).toHaveLength(6);
});

test('handlers are checked for the topics that are known, and free for others and wildcards', () => {
  class Handlers {
    @OnEvent('typed.created')
    one({ total }: { total: number }): number {
      return total;
    }

    // @ts-expect-error total is a number
    @OnEvent('typed.created')
    wrong({ total }: { total: string }): string {
      return total;
    }

    @OnEvent(['typed.created', 'typed.paid'])
    both(data: { orderId: string; total: number } | { paymentId: string }): object {
      return data;
    }

    // @ts-expect-error a payment has no total
    @OnEvent(['typed.created', 'typed.paid'])
    notBoth({ total }: { total: number }): number {
      return total;
    }

    @OnEvent('typed.*')
    any({ anything }: { anything: boolean }): boolean {
      return anything;
    }
  }
  expect(new Handlers().one({ total: 1 })).toBe(1);
});
