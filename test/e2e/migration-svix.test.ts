import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { adminKey, brokerProcess, freePort } from '../support/broker.js';
import { generateSecret } from '@hookcast/protocol';
import { createPublisher } from '@hookcast/publisher';
import { createTestBus } from '@hookcast/publisher/testing';
import { until } from '../support/until.js';

test('a receiver that verifies with standardwebhooks takes what the broker delivers, and only that', async () => {
  const broker = await brokerProcess();
  await broker.start();
  const secret = generateSecret();
  const port = await freePort();
  const built = fileURLToPath(new URL('../../examples/frameworks/dist/standard-webhooks.js', import.meta.url));
  const env = { PATH: process.env['PATH'], HOOKCAST_SECRET: secret, PORT: String(port) };
  const service = fork(built, { silent: true, execArgv: [], env });
  let lines = '';
  service.stdout?.on('data', (chunk: Buffer) => (lines += chunk.toString()));
  const exited = once(service, 'exit');
  const bus = createPublisher({ url: broker.url, apiKey: adminKey });
  try {
    await until(() => lines.includes('listens'), { what: 'the service to listen', timeoutMs: 20_000 });
    const url = `http://127.0.0.1:${port}/`;
    const subscription = { topics: ['orders.*'], url, secret, format: 'standard-webhooks' };
    expect((await broker.api('PUT', '/v1/subscriptions/moved', subscription)).status).toBe(201);
    await bus.publish('orders.created', { orderId: '7' }, { time: '2026-11-24T12:00:00Z' });
    const billed = 'billed {"type":"orders.created","timestamp":"2026-11-24T12:00:00Z","data":{"orderId":"7"}}';
    await until(() => lines.includes(billed), { what: 'the bill', timeoutMs: 10_000 });
    const forged = await createTestBus().deliver(url, 'orders.created', {}, { format: 'standard-webhooks' });
    expect(forged.status).toBe(401);
  } finally {
    service.kill('SIGTERM');
    await exited;
    await bus.close();
    await broker.remove();
  }
});
