import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { generateSecret } from '@hookcast/protocol';
import { createTestBus } from '@hookcast/publisher/testing';
import { freePort } from '../support/broker.js';
import { until } from '../support/until.js';

const built = (name: string) => fileURLToPath(new URL(`../../examples/frameworks/dist/${name}.js`, import.meta.url));

test.each(['node-http', 'express', 'fastify', 'hono'])(
  'the example for %s takes what is signed, and only that',
  async (name) => {
    const bus = createTestBus();
    const port = await freePort();
    const env = { PATH: process.env['PATH'], HOOKCAST_SECRET: bus.secret, PORT: String(port) };
    const service = fork(built(name), { silent: true, execArgv: [], env });
    let lines = '';
    for (const stream of [service.stdout, service.stderr])
      stream?.on('data', (chunk: Buffer) => (lines += chunk.toString()));
    const exited = once(service, 'exit');
    try {
      await until(() => lines.includes('listens'), { what: 'the service to listen', timeoutMs: 20_000 });
      const url = `http://127.0.0.1:${port}/hooks`;
      for (const format of ['cloudevents', 'cloudevents-binary', 'standard-webhooks'] as const) {
        const reply = await bus.deliver(url, 'orders.created', { text: 'à la carte' }, { id: format, format });
        expect(reply).toEqual({ status: 204, verdict: 'ok', body: '' });
        await until(() => lines.includes(`billed orders.created ${format} {"text":"à la carte"}`), {
          what: 'the bill',
        });
      }
      const forged = await bus.deliver(url, 'orders.created', {}, { id: 'forged', secret: generateSecret() });
      expect(forged.status).toBe(401);
      const handshake = { method: 'OPTIONS', headers: { 'webhook-request-origin': 'broker.test' } };
      expect((await fetch(url, handshake)).headers.get('webhook-allowed-origin')).toBe('broker.test');
      expect(lines).not.toContain('forged');
    } finally {
      service.kill('SIGTERM');
      await exited;
    }
  },
);
