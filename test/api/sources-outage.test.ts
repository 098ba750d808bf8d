import { createHmac } from 'node:crypto';
import { inject } from 'vitest';
import { testBroker, type TestBroker } from '../support/app.js';
import { asAdmin, createTestDatabase } from '../support/database.js';
import { until } from '../support/until.js';
import { SourceRecorder } from '../../apps/broker/src/sources/source-recorder.js';
import { ControlPlane } from '../../apps/broker/src/control/control-plane.js';

const secret = 'a-shared-secret-0123456789';

interface SourceBody {
  url: string;
}

async function source(broker: TestBroker, name: string, body: object = {}): Promise<string> {
  const put = await broker.call<SourceBody>('PUT', `/v1/sources/${name}`, { sender: 'github', secret, ...body });
  if (put.status >= 300) throw new Error(`PUT answered ${put.status}: ${put.text}`);
  return new URL(put.body.url).pathname;
}

async function deliver(broker: TestBroker, path: string, guid: string) {
  const body = JSON.stringify({ guid });
  const response = await fetch(`${broker.url}${path}`, {
    method: 'POST',
    body,
    headers: {
      'x-github-event': 'push',
      'x-github-delivery': guid,
      'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
    },
  });
  return { status: response.status, text: await response.text(), retryAfter: response.headers.get('retry-after') };
}

async function countEvents(broker: TestBroker, topic: string): Promise<number> {
  const { body } = await broker.call<{ items: unknown[] }>('GET', `/v1/topics/${topic}/events`);
  return body.items.length;
}

test('while the database is away a sender is asked to come again, and afterwards nothing is missing', async () => {
  const broker = await testBroker();
  try {
    const path = await source(broker, 'gh', { topic: 'outage' });
    expect((await deliver(broker, path, 'before')).status).toBe(200);
    // Again, so that the topic's creation is no news any more: nothing has to be read during the outage.
    expect((await deliver(broker, path, 'before')).status).toBe(200);
    const name = /\/(hookcast_test_\w+)/.exec(broker.database.url)?.[1];
    await asAdmin(inject('adminUrl'), `alter database ${name} with allow_connections false`);
    await asAdmin(
      inject('adminUrl'),
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`,
    );
    for (const guid of ['before', 'during']) {
      expect(await deliver(broker, path, guid)).toMatchObject({ status: 503, text: '', retryAfter: '5' });
    }
    const recorder = broker.app.get(SourceRecorder, { strict: false });
    await expect(recorder.runOnce()).rejects.toThrow('accepting connections');
    await asAdmin(inject('adminUrl'), `alter database ${name} with allow_connections true`);
    await until(async () => (await deliver(broker, path, 'during')).status === 200);
    expect((await deliver(broker, path, 'before')).status).toBe(200);
    expect(await countEvents(broker, 'outage')).toBe(2);
    const { body } = await broker.call<{ items: { verdict: string; reason: string }[] }>(
      'GET',
      '/v1/sources/gh/receptions?verdict=failed',
    );
    expect(body.items.length).toBeGreaterThanOrEqual(2);
  } finally {
    await broker.close();
  }
});

test('a topic that is missing and may not be made is our failure, not the sender’s', async () => {
  const broker = await testBroker({ settings: { HOOKCAST_AUTO_CREATE_TOPICS: 'false' } });
  try {
    const path = await source(broker, 'gh', { topic: 'closed' });
    expect(await deliver(broker, path, 'd1')).toMatchObject({ status: 503, text: '' });
    await broker.call('PUT', '/v1/topics/closed', {});
    expect((await deliver(broker, path, 'd1')).status).toBe(200);
    const { body } = await broker.call<{ items: { verdict: string; reason: string }[] }>(
      'GET',
      '/v1/sources/gh/receptions',
    );
    expect(body.items.map(({ verdict, reason }) => [verdict, reason])).toEqual([
      ['accepted', null],
      ['failed', 'topic-not-found'],
    ]);
  } finally {
    await broker.close();
  }
});

test('two processes share sources, their history and the memory of deliveries', async () => {
  const database = await createTestDatabase();
  const [one, other] = [await testBroker({ database }), await testBroker({ database })];
  try {
    const path = await source(one, 'gh', { topic: 'shared' });
    await other.app.get(ControlPlane, { strict: false }).runOnce();
    expect((await deliver(one, path, 'd1')).status).toBe(200);
    expect((await deliver(other, path, 'd1')).status).toBe(200);
    expect(await countEvents(one, 'shared')).toBe(1);
    await other.call('GET', '/v1/sources/gh');
    const { body } = await one.call<{ items: { verdict: string }[] }>('GET', '/v1/sources/gh/receptions');
    expect(body.items.map(({ verdict }) => verdict)).toEqual(['duplicate', 'accepted']);
    await source(one, 'gh', { topic: 'shared', enabled: false });
    await other.app.get(ControlPlane, { strict: false }).runOnce();
    expect((await deliver(other, path, 'd2')).status).toBe(404);
  } finally {
    await one.close();
    await other.close();
    await database.drop();
  }
});
