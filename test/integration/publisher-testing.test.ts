import { Injectable, Module } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { generateSecret } from '@hookcast/protocol';
import { HookcastPublisher, HookcastPublisherModule } from '@hookcast/publisher/nest';
import { HookcastTestingModule } from '@hookcast/publisher/nest-testing';
import { createTestBus, signedRequest, type TestBus } from '@hookcast/publisher/testing';
import { createReceiver, type EventContext, type Receiver } from '@hookcast/receiver';
import { HookcastReceiver, HookcastReceiverModule, OnEvent } from '@hookcast/receiver/nest';
import { hookServer } from '../support/hook-server.js';

let bus: TestBus;
beforeEach(() => void (bus = createTestBus({ retryMs: [1, 1] })));
afterEach(async () => bus.close());

const quiet = { onError: () => {}, onRefused: () => {} };
const receiverOf = (handle: (data: unknown, context: EventContext) => unknown, pattern = 'orders.*'): Receiver =>
  createReceiver({ secrets: [bus.secret], on: { [pattern]: handle }, ...quiet });

describe('what is published', () => {
  test('is told in order, with its data and attributes', async () => {
    await bus.publish('orders.created', { orderId: '7' }, { key: 'ada', id: 'order-7' });
    await bus.publish('refunds.created', Buffer.from([1, 2]));
    expect(bus.published().map(({ topic }) => topic)).toEqual(['orders.created', 'refunds.created']);
    expect(bus.published('orders.*')).toMatchObject([
      { id: 'order-7', data: { orderId: '7' }, event: { extensions: { partitionkey: 'ada' } } },
    ]);
    expect(bus.published('refunds.*')[0]?.data).toEqual(Buffer.from([1, 2]));
    bus.clear();
    expect(bus.published()).toEqual([]);
  });

  test('is refused where the broker would refuse it', async () => {
    await expect(bus.publish('Not A Topic')).rejects.toMatchObject({ reason: 'invalid-event' });
    await expect(bus.publish('orders.created', {}, { subject: '' })).rejects.toMatchObject({ reason: 'refused' });
    const first = await bus.publish('orders.created', { total: 1 }, { id: 'one' });
    expect(await bus.publish('orders.created', { total: 1 }, { id: 'one' })).toEqual({ ...first, duplicate: true });
    await expect(bus.publish('orders.created', { total: 2 }, { id: 'one' })).rejects.toMatchObject({
      reason: 'conflict',
    });
    await expect(bus.publishBatch('orders.created', [{ id: 'two' }, { subject: '' }])).rejects.toMatchObject({
      reason: 'refused',
    });
    expect(bus.published().map(({ id }) => id)).toEqual(['one']);
  });

  test('can be waited for, before and after it happens', async () => {
    const later = bus.waitFor('orders.*', { where: ({ data }) => (data as { total: number }).total > 10 });
    await bus.publish('orders.created', { total: 5 });
    await bus.publish('orders.paid', { total: 50 });
    expect(await later).toMatchObject({ topic: 'orders.paid' });
    expect(await bus.waitFor('orders.paid')).toBe(await later);
    await expect(bus.waitFor('refunds.*', { timeoutMs: 1 })).rejects.toThrow(
      'No such event of refunds.* within 1 ms; published was: orders.created, orders.paid',
    );
  });
});

describe('deliver()', () => {
  test.each(['cloudevents', 'cloudevents-binary', 'standard-webhooks'] as const)(
    'goes through the signature: %s',
    async (format) => {
      const seen: unknown[] = [];
      const receiver = receiverOf((data, { topic, attempt }) => seen.push([data, topic, attempt]));
      const reply = await bus.deliver(receiver, 'orders.created', { orderId: '7' }, { attempt: 3, format });
      expect(reply).toEqual({ status: 204, verdict: 'ok', body: '' });
      expect(seen).toEqual([[{ orderId: '7' }, 'orders.created', 3]]);
    },
  );

  test('is refused when it is forged or too old, and tells of a failing handler', async () => {
    const receiver = receiverOf(() => {
      throw new Error('no');
    });
    const forged = { secret: generateSecret() };
    expect(await bus.deliver(receiver, 'orders.created', {}, forged)).toMatchObject({ status: 401 });
    const old = { at: new Date(Date.now() - 3_600_000) };
    expect(await bus.deliver(receiver, 'orders.created', {}, old)).toMatchObject({ status: 401 });
    expect(await bus.deliver(receiver, 'orders.created', {})).toMatchObject({ status: 500, verdict: 'retry' });
    expect(bus.published()).toEqual([]);
  });

  test('reaches a hook by its URL, and reads the verdict in its answer', async () => {
    const hook = await hookServer();
    hook.answer({ status: 500, headers: { 'hookcast-verdict': 'dead-letter' }, body: 'no' });
    const reply = await bus.deliver(hook.url, 'orders.created', { orderId: '7' }, { subscription: 'billing.orders' });
    expect(reply).toEqual({ status: 500, verdict: 'dead-letter', body: 'no' });
    expect(hook.requests[0]?.headers).toMatchObject({
      'hookcast-subscription': 'billing.orders',
      'hookcast-attempt': '1',
    });
    await hook.close();
  });

  test('signs a request for tests that send it themselves', async () => {
    await bus.publish('orders.created', { orderId: '7' });
    const [recorded] = bus.published();
    if (recorded === undefined) throw new Error('nothing was published');
    const request = signedRequest(recorded.event, { secret: bus.secret, topic: recorded.topic });
    expect(await receiverOf(() => {}).handle(request)).toMatchObject({ status: 204 });
  });
});

describe('the bus within the process', () => {
  test('delivers to every hook that wants the topic, also what handlers publish', async () => {
    const seen: string[] = [];
    const billing = receiverOf(async (_, { topic }) => {
      seen.push(`billing ${topic}`);
      await bus.publish('payments.made', {});
    }, 'orders.created');
    const mail = receiverOf((_, { topic }) => seen.push(`mail ${topic}`), '**');
    bus.connect({ topics: 'orders.created', hook: billing });
    bus.connect({ topics: ['orders.*', 'payments.**'], hook: mail });
    await bus.publish('orders.created', {});
    await bus.publish('refunds.created', {});
    await bus.settled();
    expect(seen.toSorted()).toEqual(['billing orders.created', 'mail orders.created', 'mail payments.made']);
  });

  test('tries again what fails, with the same id, and keeps what it gives up', async () => {
    const attempts: string[] = [];
    const receiver = receiverOf((data, { id, attempt }) => {
      attempts.push(`${id} ${attempt}`);
      if (attempt < 3 || data === 'poison') throw new Error('not yet');
    });
    bus.connect({ topics: 'orders.*', hook: receiver, subscription: 'billing' });
    await bus.publish('orders.created', 'fine', { id: 'a' });
    await bus.settled();
    expect(attempts).toEqual(['a 1', 'a 2', 'a 3']);
    await bus.publish('orders.created', 'poison', { id: 'b' });
    await bus.settled();
    expect(bus.dead()).toMatchObject([
      { id: 'b', topic: 'orders.created', subscription: 'billing', attempts: 3, status: 500 },
    ]);
  });

  test('gives up a hook that cannot be reached, without a status', async () => {
    bus.connect({ topics: '**', hook: 'http://127.0.0.1:1/hooks' });
    await bus.publish('orders.created', {});
    await bus.settled();
    expect(bus.dead()).toMatchObject([{ attempts: 3, status: undefined }]);
  });

  test('ends its retries when it is closed, and takes nothing more', async () => {
    const slow = createTestBus({ secret: bus.secret, retryMs: [60_000] });
    slow.connect({ topics: '**', hook: 'http://127.0.0.1:1/hooks' });
    await slow.publish('orders.created', {});
    await slow.close();
    await expect(slow.publish('orders.created', {})).rejects.toMatchObject({ reason: 'closed' });
  });
});

describe('with Nest', () => {
  @Injectable()
  class Billing {
    constructor(private readonly publisher: HookcastPublisher) {}

    @OnEvent('orders.created')
    async bill({ orderId }: { orderId: string }): Promise<void> {
      await this.publisher.publish('payments.made', { orderId });
    }
  }

  async function pays(testing: TestingModule): Promise<void> {
    await testing.init();
    const receiver = testing.get(HookcastReceiver);
    expect(await bus.deliver(receiver, 'orders.created', { orderId: '7' })).toMatchObject({ verdict: 'ok' });
    expect(await bus.waitFor('payments.made')).toMatchObject({ data: { orderId: '7' } });
    await testing.close();
  }

  test('a whole application is tested: what it publishes, and what it does with what it gets', async () => {
    @Module({
      imports: [
        HookcastPublisherModule.forRoot({ url: 'http://127.0.0.1:8080', apiKey: 'k' }),
        HookcastReceiverModule.forRoot({ secrets: [bus.secret] }),
      ],
      providers: [Billing],
    })
    class AppModule {}
    const builder = Test.createTestingModule({ imports: [AppModule] });
    await pays(await builder.overrideProvider(HookcastPublisher).useValue(bus).compile());
  });

  test('a part of one has the testing module instead', async () => {
    const imports = [HookcastTestingModule.forRoot(bus), HookcastReceiverModule.forRoot({ secrets: [bus.secret] })];
    await pays(await Test.createTestingModule({ imports, providers: [Billing] }).compile());
  });
});
