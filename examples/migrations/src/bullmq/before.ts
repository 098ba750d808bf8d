import { Queue, QueueEvents, UnrecoverableError, Worker } from 'bullmq';
import { bill, remind, serve, thank, type Order } from './shop.js';

const connection = { host: '127.0.0.1', port: 6379 };

const defaultJobOptions = {
  attempts: 4,
  backoff: { type: 'exponential', delay: 1_000 },
  removeOnComplete: { age: 7 * 86_400 },
};
const billing = new Queue<Order>('billing', { connection, defaultJobOptions });
const email = new Queue<Order>('email', { connection, defaultJobOptions });

async function place(order: Order): Promise<void> {
  const { orderId, remindAt } = order;
  await billing.add('orders.created', order, { jobId: orderId });
  await email.add('orders.created', order, { jobId: orderId });
  await email.add('orders.reminder', order, { jobId: `${orderId}-reminder`, delay: Date.parse(remindAt) - Date.now() });
}

const billingWorker = new Worker<Order>(
  'billing',
  async ({ data: order }) => {
    if (order.total < 0) throw new UnrecoverableError('a negative total');
    await bill(order);
  },
  { connection, concurrency: 4, limiter: { max: 100, duration: 1_000 } },
);
const emailWorker = new Worker<Order>(
  'email',
  async ({ name, data: order }) => (name === 'orders.reminder' ? remind(order) : thank(order)),
  { connection },
);

const failures = new QueueEvents('billing', { connection });
failures.on('failed', ({ jobId, failedReason }) => console.log(`gave up on ${jobId}: ${failedReason}`));

const server = serve(place);

process.once('SIGTERM', () => {
  server.close();
  void Promise.all([billingWorker, emailWorker, failures, billing, email].map(async (one) => one.close()));
});
