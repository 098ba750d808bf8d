import { Queue } from 'bullmq';
import { createPublisher } from '@hookcast/publisher';
import { broker } from '../settings.js';
import type { Order } from './shop.js';

const email = new Queue<Order>('email', { connection: { host: '127.0.0.1', port: 6379 } });
const bus = createPublisher(broker);

await email.pause();
for (const job of await email.getDelayed()) {
  await bus.publish(job.name, job.data, { id: job.id, deliverAt: new Date(job.timestamp + job.delay) });
  await job.remove();
}

await bus.close();
await email.close();
