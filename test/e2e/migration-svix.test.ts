import { generateSecret } from '@hookcast/protocol';
import { createPublisher } from '@hookcast/publisher';
import { createTestBus } from '@hookcast/publisher/testing';
import { adminKey } from '../support/broker.js';
import { brokerOnDatabase } from '../support/broker-on-database.js';
import { serviceProcess } from '../support/service-process.js';

test('a receiver that verifies with standardwebhooks takes what the broker delivers, and only that', async () => {
  const broker = await brokerOnDatabase();
  await broker.start();
  const secret = generateSecret();
  const service = await serviceProcess('frameworks/dist/standard-webhooks', { HOOKCAST_SECRET: secret });
  const bus = createPublisher({ url: broker.url, apiKey: adminKey });
  try {
    await service.prints('listens');
    const url = `${service.url}/`;
    const subscription = { topics: ['orders.*'], url, secret, format: 'standard-webhooks' };
    expect((await broker.api('PUT', '/v1/subscriptions/moved', subscription)).status).toBe(201);
    await bus.publish('orders.created', { orderId: '7' }, { time: '2026-11-24T12:00:00Z' });
    await service.prints('billed {"type":"orders.created","timestamp":"2026-11-24T12:00:00Z","data":{"orderId":"7"}}');
    const forged = await createTestBus().deliver(url, 'orders.created', {}, { format: 'standard-webhooks' });
    expect(forged.status).toBe(401);
  } finally {
    await service.stop();
    await bus.close();
    await broker.remove();
  }
});
