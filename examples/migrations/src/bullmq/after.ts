import { createPublisher } from '@hookcast/publisher';
import { createReceiver, createRegistration, DeadLetter } from '@hookcast/receiver';
import { broker, url } from '../settings.js';
import { bill, remind, serve, thank, type Order } from './shop.js';

const bus = createPublisher({ ...broker, source: '/shop' });

async function place(order: Order): Promise<void> {
  const { orderId, remindAt } = order;
  await bus.publish('orders.created', order, { id: orderId });
  await bus.publish('orders.reminder', order, { id: `${orderId}-reminder`, deliverAt: remindAt });
}

const hook = { url: `${url}/hooks`, retry: { schedule: [1, 2, 4] } };
const registration = createRegistration({
  broker,
  service: 'shop',
  subscriptions: [
    { ...hook, name: 'billing', topics: ['orders.created'], concurrency: 4, rateLimit: 100 },
    { ...hook, name: 'email', topics: ['orders.created', 'orders.reminder'], concurrency: 1 },
    { ...hook, name: 'failures', topics: ['hookcast.delivery.dead'] },
  ],
});

const receiver = createReceiver({
  registration,
  handlers: [
    {
      pattern: 'orders.created',
      subscription: 'billing',
      handle: async (order: Order) => {
        if (order.total < 0) throw new DeadLetter('a negative total');
        await bill(order);
      },
    },
    { pattern: 'orders.created', subscription: 'email', handle: thank },
    { pattern: 'orders.reminder', subscription: 'email', handle: remind },
    {
      pattern: 'hookcast.delivery.dead',
      subscription: 'failures',
      handle: ({ eventId, reason }: { eventId: string; reason: string }) =>
        console.log(`gave up on ${eventId}: ${reason}`),
    },
  ],
});

const server = serve(place, (request, response) => {
  const isHook = request.url === '/hooks';
  if (isHook) void receiver.node(request, response);
  return isHook;
});
server.once('listening', () => registration.start());

process.once('SIGTERM', () => {
  server.close();
  registration.stop();
  void bus.close();
});
