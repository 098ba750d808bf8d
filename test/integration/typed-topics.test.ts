import { createTestBus } from '@hookcast/publisher/testing';
import { HookcastClient, HookcastRecord } from '@hookcast/publisher/nest-microservice';
import { createReceiver, type TopicData } from '@hookcast/receiver';
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

test('the map of a receiver is checked for the topics that are known, and free for others and wildcards', () => {
  const secrets = ['whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8='];
  createReceiver({
    secrets,
    on: {
      'typed.created': ({ total, orderId }, { id }) => [total.toFixed(), orderId.length, id],
      'typed.paid': [({ paymentId }) => paymentId.length, (data: { paymentId: string }) => data],
      'typed.*': (data: { anything: boolean }) => data,
      'untyped.paid': (data: { whatever: number }) => data,
    },
  });
  createReceiver({
    secrets,
    on: {
      // @ts-expect-error total is a number
      'typed.created': ({ total }: { total: string }) => total,
    },
  });
  createReceiver({
    secrets,
    on: {
      // @ts-expect-error a payment has no total
      'typed.paid': [({ paymentId }) => paymentId, ({ total }) => total],
    },
  });
});

test('what a client emits is checked for the topics that are known, and free for others', () => {
  const client = new HookcastClient({ url: 'http://127.0.0.1:9', apiKey: 'k' });
  // The observables are cold for those who only look at their types: nothing is sent.
  const typesOnly = () => [
    client.emit('typed.created', { orderId: '7', total: 1 }),
    client.emit('typed.created', new HookcastRecord({ orderId: '7', total: 1 }, { key: 'k' })),
    // @ts-expect-error total is a number
    client.emit('typed.created', { orderId: '7', total: 'much' }),
    // @ts-expect-error orderId is missing
    client.emit('typed.created', new HookcastRecord({ total: 1 })),
    client.emit('untyped.created', { whatever: true }),
    client.emit({ cmd: 'orderCreated' }, 7),
  ];
  expect(typesOnly).toBeTypeOf('function');
});

test('a handler has a third parameter only with an inbox', () => {
  class Handlers {
    @OnEvent('typed.created', { inbox: true })
    once({ total }: { total: number }, _: unknown, transaction: Date): Date {
      return total > 0 ? transaction : new Date();
    }

    // @ts-expect-error there is no transaction without an inbox
    @OnEvent('typed.created')
    none(_: { total: number }, __: unknown, transaction: Date): Date {
      return transaction;
    }

    // @ts-expect-error total is a number
    @OnEvent('typed.created', { inbox: { handler: 'wrong' } })
    wrong({ total }: { total: string }, _: unknown, transaction: Date): unknown {
      return [total, transaction];
    }
  }
  expect(new Handlers().once({ total: 0 }, {}, new Date(0))).toBeInstanceOf(Date);
});
