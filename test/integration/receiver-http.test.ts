import { once } from 'node:events';
import http from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import express from 'express';
import { generateSecret } from '@hookcast/protocol';
import { createReceiver, type EventContext, type Receiver, type ReceiverOptions } from '@hookcast/receiver';
import { until } from '../support/until.js';
import { batchRequestOf, hookRequestOf, orderEvent } from './signed-delivery.js';

const secret = generateSecret();
const servers: http.Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  }
});

interface Seen {
  data: unknown;
  context: EventContext;
}

function setup(options: ReceiverOptions = {}) {
  const seen: Seen[] = [];
  const refusals: string[] = [];
  const errors: unknown[] = [];
  const receiver = createReceiver({
    secrets: [secret],
    on: { 'orders.*': (data, context) => void seen.push({ data, context }) },
    onRefused: ({ reason }) => refusals.push(reason),
    onError: (error) => errors.push(error),
    ...options,
  });
  return { receiver, seen, refusals, errors };
}

async function listen(handler: http.RequestListener): Promise<string> {
  const server = http.createServer(handler).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks`;
}

const onNode = ({ node }: Receiver) => listen((request, response) => void node(request, response));

const formats = ['cloudevents', 'cloudevents-binary', 'standard-webhooks'] as const;

describe.each<[string, (receiver: Receiver) => Promise<(init: RequestInit) => Promise<Response>>]>([
  [
    'node:http',
    async (receiver) => {
      const url = await onNode(receiver);
      return (init) => fetch(url, init);
    },
  ],
  [
    'Express, mounted before express.json()',
    async ({ node }) => {
      const url = await listen(express().use('/hooks', node).use(express.json()));
      return (init) => fetch(url, init);
    },
  ],
  [
    'Express behind express.raw()',
    async ({ node }) => {
      const url = await listen(express().post('/hooks', express.raw({ type: '*/*' }), node));
      return (init) => fetch(url, init);
    },
  ],
  [
    'Express with raw bytes kept by express.json()',
    async ({ node }) => {
      const keep = express.json({
        verify: (request, _response, bytes) => void Object.assign(request, { rawBody: bytes }),
      });
      const url = await listen(express().use(keep).post('/hooks', node));
      return (init) => fetch(url, init);
    },
  ],
  [
    'a server that speaks fetch',
    async (receiver) => (init) => receiver.fetch(new Request('http://service.test/hooks', init)),
  ],
])('on %s', (_, start) => {
  test.each(formats)('a handler gets the data and context of a %s request', async (format) => {
    const { receiver, seen } = setup();
    const send = await start(receiver);
    const response = await send(hookRequestOf(orderEvent('order.1', { total: 99.5 }), { secret, format }));
    expect([response.status, await response.text()]).toEqual([204, '']);
    expect(seen).toMatchObject([
      { data: { total: 99.5 }, context: { id: 'order.1', topic: 'orders.created', attempt: 1 } },
    ]);
  });

  test('a forged request is refused without a word', async () => {
    const { receiver, seen, refusals } = setup();
    const send = await start(receiver);
    const response = await send(hookRequestOf(orderEvent('a'), { secret: generateSecret() }));
    expect([response.status, await response.text()]).toEqual([401, '']);
    expect(refusals).toEqual(['no-match']);
    expect(seen).toEqual([]);
  });
});

test('what a handler throws becomes 500, after every handler has run', async () => {
  const boom = new Error('the printer is on fire');
  const ran: string[] = [];
  const { receiver, errors } = setup({
    on: {
      'orders.created': [() => Promise.reject(boom), () => void ran.push('second')],
      'orders.*': () => void ran.push('wildcard'),
    },
  });
  const response = await fetch(await onNode(receiver), hookRequestOf(orderEvent('a'), { secret }));
  expect([response.status, await response.text()]).toEqual([500, '']);
  expect(ran).toEqual(['second', 'wildcard']);
  expect(errors).toEqual([boom]);
});

test('a listener that fails changes no answer', async () => {
  const complaint = vi.spyOn(console, 'error').mockImplementation(() => {});
  const fail = () => {
    throw new Error('the log is full');
  };
  const { receiver } = setup({ on: { 'orders.*': fail }, onError: fail, onRefused: fail });
  const url = await onNode(receiver);
  expect((await fetch(url, hookRequestOf(orderEvent('a'), { secret }))).status).toBe(500);
  expect((await fetch(url, { method: 'POST' })).status).toBe(401);
  expect(complaint.mock.calls.map(([words]) => String(words))).toHaveLength(2);
  complaint.mockRestore();
});

test('an event nobody handles is kept by the broker, or settled when that is wanted', async () => {
  const strict = setup();
  const lenient = setup({ unhandled: 'accept' });
  const request = () => hookRequestOf(orderEvent('a'), { secret, topic: 'payments.captured' });
  expect((await fetch(await onNode(strict.receiver), request())).status).toBe(404);
  expect((await fetch(await onNode(lenient.receiver), request())).status).toBe(204);
});

test('a batch runs in order and names the events that failed', async () => {
  const order: string[] = [];
  const { receiver } = setup({
    on: {
      'orders.*': async (_, { id }) => {
        await Promise.resolve();
        order.push(id);
        if (id === 'e1') throw new Error('not this one');
      },
    },
  });
  const events = ['e0', 'e1', 'e2'].map((id) => orderEvent(id));
  const response = await fetch(await onNode(receiver), batchRequestOf(events, { secret }));
  expect(order).toEqual(['e0', 'e1', 'e2']);
  expect(await response.json()).toEqual({ results: [{ id: 'e1', verdict: 'retry' }] });
});

test('a body that a parser has consumed is a clear error on this side', async () => {
  const { receiver, refusals } = setup();
  const url = await listen(express().use(express.json()).post('/hooks', receiver.node));
  const response = await fetch(url, hookRequestOf(orderEvent('a'), { secret, format: 'standard-webhooks' }));
  expect(response.status).toBe(500);
  expect(refusals).toEqual(['body-consumed']);
});

test.each(['with a length', 'in chunks'])('a body over the limit is refused, %s', async (how) => {
  const { receiver, refusals } = setup({ maxBodyBytes: 1_000 });
  const { body, ...init } = hookRequestOf(orderEvent('a', 'x'.repeat(2_000)), { secret });
  const streamed = { body: new Blob([body]).stream(), duplex: 'half' } as RequestInit;
  const response = await fetch(await onNode(receiver), { ...init, ...(how === 'in chunks' ? streamed : { body }) });
  expect(response.status).toBe(413);
  expect(refusals).toEqual(['too-large']);
  const viaFetch = await receiver.fetch(new Request('http://service.test/', { ...init, body }));
  expect(viaFetch.status).toBe(413);
});

test('a connection that ends early runs no handler', async () => {
  let reason = '';
  const { receiver, seen } = setup({ onRefused: (refusal) => (reason = refusal.reason) });
  const { port, hostname } = new URL(await onNode(receiver));
  const socket = connect(Number(port), hostname);
  socket.write('POST /hooks HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf');
  socket.end();
  await once(socket.resume(), 'close');
  await until(() => reason === 'body-incomplete');
  expect(seen).toEqual([]);
});

test('a connection that has ended before the receiver is asked is not waited for', async () => {
  const { receiver, refusals, seen } = setup();
  let isDone = false;
  const url = new URL(
    await listen((request, response) => {
      request.once('close', () => void receiver.node(request, response).then(() => (isDone = true)));
    }),
  );
  const socket = connect(Number(url.port), url.hostname);
  socket.write('POST /hooks HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf', () => socket.destroy());
  await until(() => isDone);
  expect(refusals).toEqual(['body-incomplete']);
  expect(seen).toEqual([]);
});

test('the handshake of the CloudEvents webhook spec is answered', async () => {
  const { receiver } = setup();
  const url = await onNode(receiver);
  const response = await fetch(url, { method: 'OPTIONS', headers: { 'webhook-request-origin': 'broker.test' } });
  expect(response.status).toBe(200);
  expect(response.headers.get('webhook-allowed-origin')).toBe('broker.test');
  expect(response.headers.get('webhook-allowed-rate')).toBe('*');
});

test('other methods are not allowed', async () => {
  const { receiver } = setup();
  const response = await fetch(await onNode(receiver));
  expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST, OPTIONS']);
});

test('without a key there is no receiver', () => {
  expect(() => createReceiver({ on: {} })).toThrow('needs secrets');
  expect(() => createReceiver({ secrets: ['not a secret'] })).toThrow('whsec_');
});
