import type { StoredEvent } from '@hookcast/log';
import { createVerifier, generateSecret, generateSigningKeyPair, parseStructured } from '@hookcast/protocol';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { HookEvent } from './hook-event.js';
import { hookRequest, hookTemplate, type HookTarget } from './hook-request.js';

const secret = generateSecret();
const target: HookTarget = {
  name: 'billing',
  url: 'http://billing:3000/hooks',
  format: 'cloudevents',
  batch: null,
  timeoutMs: 15_000,
  headers: {},
  signature: 'hmac',
  secrets: [secret],
  signingKeys: [],
};
const stored: StoredEvent = {
  id: 'evt.1%',
  type: 'orders.created',
  source: '/topics/orders.created',
  contentType: 'application/json',
  attributes: {},
  data: Buffer.from('{"total": 12345678901234567890, "rate": 1.0}'),
  streamId: 3,
  seq: 17,
  createdAt: new Date('2026-11-24T12:00:00.000Z'),
  topic: 'orders.created',
};
const now = Math.floor(Date.now() / 1000);

const request = (change: Partial<HookTarget> = {}, event: Partial<StoredEvent> = {}, isReplay = false) =>
  hookRequest(
    hookTemplate({ ...target, ...change }, 'Hookcast/1.2.3'),
    new HookEvent({ ...stored, ...event }),
    { number: 2, isReplay },
    now,
  );

test('structured: the CloudEvent with its data byte for byte', () => {
  const { url, headers, body, timeoutMs } = request();
  expect({ url, timeoutMs }).toEqual({ url: target.url, timeoutMs: 15_000 });
  expect(headers).toEqual({
    'user-agent': 'Hookcast/1.2.3',
    'content-type': 'application/cloudevents+json; charset=utf-8',
    'webhook-id': 'evt%2E1%25',
    'webhook-timestamp': String(now),
    'webhook-signature': expect.stringMatching(/^v1,/),
    'hookcast-topic': 'orders.created',
    'hookcast-subscription': 'billing',
    'hookcast-attempt': '2',
    'hookcast-position': '3:17',
    'hookcast-hops': '1',
  });
  expect(parseStructured(body)).toMatchObject({
    kind: 'ok',
    value: { id: 'evt.1%', source: '/topics/orders.created', time: '2026-11-24T12:00:00.000Z', data: stored.data },
  });
});

test('binary: the data as it is, the attributes as headers', () => {
  const { headers, body } = request(
    { format: 'cloudevents-binary' },
    {
      contentType: 'text/plain',
      data: Buffer.from('hé'),
      subject: 'eu/é',
      attributes: { extensions: { tenant: 'a' } },
    },
  );
  expect(body).toEqual(Buffer.from('hé'));
  expect(headers).toMatchObject({
    'content-type': 'text/plain',
    'ce-specversion': '1.0',
    'ce-id': 'evt.1%25',
    'ce-type': 'orders.created',
    'ce-subject': 'eu/%C3%A9',
    'ce-tenant': 'a',
  });
});

test('binary: an event without data has neither body nor content-type', () => {
  const { contentType: _type, ...rest } = stored;
  const event = new HookEvent({ ...rest, data: undefined });
  const template = hookTemplate({ ...target, format: 'cloudevents-binary' }, 'x');
  const { headers, body } = hookRequest(template, event, { number: 1, isReplay: false }, now);
  expect(body).toHaveLength(0);
  expect(headers).not.toHaveProperty('content-type');
});

test('standard-webhooks: type, timestamp and data', () => {
  const { headers, body } = request({ format: 'standard-webhooks' });
  expect(headers['content-type']).toBe('application/json');
  expect(body.toString()).toBe(
    `{"type":"orders.created","timestamp":"2026-11-24T12:00:00.000Z","data":${stored.data?.toString()}}`,
  );
});

test.each(['cloudevents', 'cloudevents-binary', 'standard-webhooks'] as const)(
  '%s: the standardwebhooks package verifies the signature',
  (format) => {
    const { headers, body } = request({ format });
    expect(() => new Webhook(secret).verify(body.toString(), headers)).not.toThrow();
  },
);

test('several secrets sign while one rotates, and both kinds of signature may stand side by side', () => {
  const newer = generateSecret();
  const pair = generateSigningKeyPair();
  const { headers, body } = request({ signature: 'both', secrets: [newer, secret], signingKeys: [pair.secret] });
  expect(headers['webhook-signature']).toMatch(/^v1,\S+ v1,\S+ v1a,\S+$/);
  for (const keys of [{ secrets: [newer] }, { secrets: [secret] }, { publicKeys: [pair.publicKey] }]) {
    expect(createVerifier(keys)({ headers, body })).toEqual({ kind: 'verified' });
  }
});

test('ed25519 alone does not use the shared secret', () => {
  const pair = generateSigningKeyPair();
  const { headers } = request({ signature: 'ed25519', signingKeys: [pair.secret] });
  expect(headers['webhook-signature']).toMatch(/^v1a,\S+$/);
});

test('a malformed secret is an error of ours, not an unsigned request', () => {
  expect(() => hookTemplate({ ...target, secrets: ['hunter2'] }, 'x')).toThrow(/whsec_/);
});

test('all formats share one body per event, over subscriptions and attempts', () => {
  const event = new HookEvent(stored);
  const send = (name: string, number: number) =>
    hookRequest(hookTemplate({ ...target, name }, 'x'), event, { number, isReplay: false }, now).body;
  expect(send('billing', 1)).toBe(send('email', 3));
});

test('a replay says so', () => {
  expect(request({}, {}, true).headers['hookcast-replay']).toBe('true');
  expect(request().headers).not.toHaveProperty('hookcast-replay');
});

test("the publisher's trace goes on, in the header and in the event", () => {
  const trace = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', tracestate: 'a=b' };
  const { headers, body } = request({}, { attributes: trace });
  expect(headers).toMatchObject(trace);
  expect(JSON.parse(body.toString())).toMatchObject(trace);
  expect(request({}, { attributes: { extensions: { traceparent: 'x\r\ny: z' } } }).headers).not.toHaveProperty(
    'traceparent',
  );
});

test('the ordering key travels as the partitioning extension', () => {
  expect(JSON.parse(request({}, { key: 'customer-7' }).body.toString())).toMatchObject({ partitionkey: 'customer-7' });
});

test('no header of a subscription ever changes what the broker says', () => {
  const plain = request().headers;
  fc.assert(
    fc.property(
      fc.dictionary(fc.oneof(fc.string(), fc.constantFrom(...Object.keys(plain))), fc.string()),
      (headers) => {
        const custom = request({ headers }).headers;
        for (const name of Object.keys(plain)) expect(custom[name]).toBe(plain[name]);
      },
    ),
  );
});
