import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { createPublisher, type Publisher, type PublisherOptions } from '@hookcast/publisher';
import { until } from '../support/until.js';
import { publishApi, type PublishApi } from './publish-api.js';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

async function setup(options: Partial<PublisherOptions> = {}): Promise<{ api: PublishApi; bus: Publisher }> {
  const api = await publishApi();
  const bus = createPublisher({ url: api.url, apiKey: 'good-key', retry: { baseMs: 1, maxMs: 5 }, ...options });
  open.push(api, { close: () => bus.close({ timeoutMs: 0 }) });
  return { api, bus };
}

test('what node:http throws at once rejects the call and not the process', async () => {
  const { bus } = await setup({ agent: new https.Agent(), maxAttempts: 2 });
  const refused = bus.publish('orders', {});
  await expect(refused).rejects.toMatchObject({ reason: 'unreachable', cause: { code: 'ERR_INVALID_PROTOCOL' } });
});

test.each([Infinity, 2 ** 40])('times of %d ms are waited for, and not over at once', async (ms) => {
  const { api, bus } = await setup({ timeoutMs: ms, requestTimeoutMs: ms });
  const release = api.hold();
  const call = bus.publish('orders', {}, { id: 'a' });
  await until(() => api.server.requests.length === 1);
  const closing = bus.close();
  release();
  await closing;
  expect(await call).toMatchObject({ id: 'a', position: '1:1' });
  expect(api.server.requests).toHaveLength(1);
});

test('many calls may share one signal: no warning of a leak, and all are aborted', async () => {
  const { api, bus } = await setup();
  const warnings: Error[] = [];
  const listen = (warning: Error) => warnings.push(warning);
  process.on('warning', listen);
  const release = api.hold();
  const abort = new AbortController();
  const calls = Array.from({ length: 30 }, () => bus.publish('orders', {}, { signal: abort.signal }));
  const ends = Promise.allSettled(calls);
  await until(() => api.server.requests.length > 0);
  abort.abort(new Error('no time left'));
  const reasons = (await ends).map((end) =>
    end.status === 'rejected' ? (end.reason as { reason: string }).reason : '',
  );
  expect(reasons).toEqual(calls.map(() => 'aborted'));
  process.off('warning', listen);
  release();
  expect(warnings).toEqual([]);
  expect(bus.buffered.events).toBe(0);
});

test('one of the calls that share a signal may end before it fires', async () => {
  const { bus } = await setup();
  const abort = new AbortController();
  await bus.publish('orders', {}, { signal: abort.signal });
  await bus.publish('orders', {}, { signal: abort.signal });
  abort.abort();
  await expect(bus.publish('orders', {}, { signal: abort.signal })).rejects.toMatchObject({ reason: 'aborted' });
});

test('a tracer that fails does not stop events', async () => {
  const trace = () => {
    throw new Error('no context');
  };
  const { api, bus } = await setup({ trace });
  await bus.publish('orders', {}, { id: 'a' });
  await bus.publishBatch('orders', [{ id: 'b' }]);
  expect(api.stored.map(({ id }) => id)).toEqual(['a', 'b']);
});

test('closing ends a request that is never answered, also with an agent of the caller’s', async () => {
  let [isAsked, isCut] = [false, false];
  const server = http.createServer((_, response) => {
    isAsked = true;
    response.once('close', () => (isCut = true));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  open.push({ close: async () => void server.close() });
  const { port } = server.address() as AddressInfo;
  const agent = new http.Agent({ keepAlive: true });
  const bus = createPublisher({ url: `http://127.0.0.1:${port}`, apiKey: 'good-key', agent });
  const call = bus.publish('orders', {});
  const ended = Promise.allSettled([call]);
  await until(() => isAsked);
  await bus.close({ timeoutMs: 0 });
  await until(() => isCut);
  expect(await ended).toMatchObject([{ status: 'rejected', reason: { reason: 'closed' } }]);
});
