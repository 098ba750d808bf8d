import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PublishError } from '@hookcast/publisher';
import { until } from '../support/until.js';
import type { PublishApi } from './publish-api.js';
import { api, folder, numbered, publisher } from './spool-setup.js';

const ids = (broker: PublishApi) => broker.stored.map(({ id }) => id);

test('a topic outside of the key’s scope holds up no other, is told, and goes out in order once it may', async () => {
  const broker = await api();
  const errors: PublishError[] = [];
  const bus = publisher(broker.url, folder(), {
    hooks: { onSpoolError: (error) => errors.push(error as PublishError) },
  });
  broker.away();
  broker.forbid('secret');
  await bus.publish('secret', {}, { id: 's1', key: 'k' });
  await bus.publish('orders', {}, { id: 'o1' });
  await bus.publishBatch('secret', [{ id: 's2' }, { id: 's3', key: 'k' }]);
  await bus.publish('orders', {}, { id: 'o2' });
  broker.back();
  await until(() => bus.spooled.events === 3, { what: 'the other topic' });
  expect(ids(broker)).toEqual(['o1', 'o2']);
  await until(() => errors.length > 0);
  expect(errors[0]).toMatchObject({ reason: 'unauthorized', code: 'forbidden', status: 403 });
  // What follows of the topic queues up; of others it goes straight to the broker.
  expect((await bus.publish('secret', {}, { id: 's4' })).spooled).toBe(true);
  await until(async () => (await bus.publish('orders', {}, { id: 'o3' })).position !== undefined);
  broker.forbid();
  await until(() => bus.spooled.events === 0);
  expect(ids(broker).filter((id) => id.startsWith('s'))).toEqual(['s1', 's2', 's3', 's4']);
  expect((await bus.publish('secret', {}, { id: 's5' })).position).toBeDefined();
});

test('what is held outlives the process', async () => {
  const broker = await api();
  const directory = folder();
  broker.away();
  broker.forbid('secret');
  const before = publisher(broker.url, directory);
  for (const id of numbered(3)) await before.publish('secret', {}, { id });
  broker.back();
  await until(() => existsSync(join(directory, 'held', 'secret', '00000001.spool')), { what: 'held events' });
  await before.close({ timeoutMs: 0 });
  broker.forbid();
  const bus = publisher(broker.url, directory);
  expect(bus.spooled.events).toBeGreaterThanOrEqual(3);
  await until(() => bus.spooled.events === 0);
  expect(ids(broker)).toEqual(numbered(3));
  await bus.close();
  expect(existsSync(join(directory, 'held', 'secret'))).toBe(false);
});

test('a held topic leaves half of the spool to the others', async () => {
  const broker = await api();
  const bus = publisher(broker.url, folder(), { spool: { directory: '', maxBytes: 4_000 } });
  const filler = 'x'.repeat(500);
  broker.away();
  broker.forbid('secret');
  for (const id of numbered(4)) await bus.publish('secret', { filler }, { id });
  broker.back();
  // On a slow disk the probes themselves fill the spool before the relay has emptied it.
  const isHeld = async () => {
    try {
      return (await bus.publish('orders', {}, { id: 'probe' })).position !== undefined;
    } catch (error) {
      if (error instanceof PublishError && error.reason === 'spool-full') return false;
      throw error;
    }
  };
  await until(isHeld, { what: 'an empty way to the broker' });
  await expect(bus.publish('secret', {}, { id: 'over' })).rejects.toMatchObject({ reason: 'spool-full' });
  broker.away();
  expect((await bus.publish('orders', { filler }, { id: 'other' })).spooled).toBe(true);
});

test('a topic that no key may publish to is refused, and holds up nothing', async () => {
  const broker = await api();
  const directory = folder();
  const rejected: string[] = [];
  const bus = publisher(broker.url, directory, {
    hooks: { onRejected: ({ id, error }) => rejected.push(`${id} ${error.code}`) },
  });
  broker.away();
  await bus.publish('hookcast.backlog.high', {}, { id: 'never' });
  await bus.publish('orders', {}, { id: 'o1' });
  broker.back();
  await until(() => bus.spooled.events === 0);
  expect(ids(broker)).toEqual(['o1']);
  expect(rejected).toEqual(['never topic-reserved']);
  expect(readFileSync(join(directory, 'rejected.jsonl'), 'utf8')).toContain('"never"');
});

test.each([
  ['a key that the broker does not know', { apiKey: 'gone' }, { reason: 'unauthorized', status: 401 }],
  ['an address that is not the broker’s', {}, { reason: 'refused', code: 'route-not-found' }],
])('%s keeps everything, and is told', async (_, options, told) => {
  const broker = await api();
  const errors: unknown[] = [];
  broker.away();
  const url = 'apiKey' in options ? broker.url : `${broker.url}/elsewhere`;
  const bus = publisher(url, folder(), { ...options, hooks: { onSpoolError: (error) => errors.push(error) } });
  await bus.publish('orders', {}, { id: 'a' });
  broker.back();
  await until(() => errors.length > 0);
  expect(errors[0]).toMatchObject(told);
  expect(bus.spooled.events).toBe(1);
});
