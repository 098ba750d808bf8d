import { readFileSync } from 'node:fs';
import {
  batchWebhookId,
  escapeWebhookId,
  formatBatch,
  formatBinary,
  formatStandardPayload,
  formatStructured,
  generateSecret,
  generateSigningKeyPair,
  mediaTypes,
  parseSecret,
  sign,
  type CloudEvent,
} from '@hookcast/protocol';
import { HookRequestError, type RefusalReason } from './hook-request-error.js';
import { verifyHookRequest } from './open-request.js';

const secret = generateSecret();
const now = new Date('2026-11-24T12:00:00Z');
const timestamp = now.getTime() / 1000;

const json = '{ "orderId": 42, "total": 99.50, "big": 12345678901234567890 }';
const event: CloudEvent = {
  id: 'order.42%',
  source: '/orders',
  type: 'shop.order',
  subject: 'eu/42',
  time: '2026-11-24T11:59:00Z',
  datacontenttype: 'application/json',
  extensions: { partitionkey: 'customer-7' },
  data: Buffer.from(json),
};

function signed(
  body: Buffer,
  headers: Record<string, string>,
  { id = escapeWebhookId(event.id), key = secret, at = timestamp } = {},
) {
  return {
    body,
    headers: {
      'webhook-id': id,
      'webhook-timestamp': String(at),
      'webhook-signature': sign({ id, timestamp: at, body }, [parseSecret(key)]),
      'hookcast-topic': 'orders.created',
      'hookcast-subscription': 'billing-orders',
      'hookcast-attempt': '3',
      'hookcast-position': '7:1042',
      ...headers,
    },
  };
}

const structured = (headers: Record<string, string> = {}, options = {}) =>
  signed(formatStructured(event), { 'content-type': `${mediaTypes.structured}; charset=utf-8`, ...headers }, options);

const binary = (one: CloudEvent = event) => {
  const { headers, body } = formatBinary(one);
  return signed(body, headers, { id: escapeWebhookId(one.id) });
};

const standard = (one: CloudEvent = event) =>
  signed(formatStandardPayload(one), { 'content-type': 'application/json' }, { id: escapeWebhookId(one.id) });

const open = (request: Parameters<typeof verifyHookRequest>[0], keys = { secrets: [secret] } as object) =>
  verifyHookRequest(request, keys, { now });

const only = (request: Parameters<typeof verifyHookRequest>[0]) => {
  const { events, isBatch } = open(request);
  expect(isBatch).toBe(false);
  expect(events).toHaveLength(1);
  return events[0];
};

test.each([
  ['structured', structured()],
  ['binary', binary()],
  ['standard-webhooks', standard()],
])('a %s request gives data and context', (_, request) => {
  const delivered = only(request);
  expect(delivered?.data).toEqual({ orderId: 42, total: 99.5, big: 12345678901234567000 });
  expect(delivered?.context).toMatchObject({
    id: 'order.42%',
    topic: 'orders.created',
    subscription: 'billing-orders',
    attempt: 3,
    position: '7:1042',
    replay: false,
    type: 'shop.order',
    time: new Date('2026-11-24T11:59:00Z'),
    contentType: 'application/json',
  });
  expect(delivered?.context.event.data?.toString()).toBe(json);
});

test('attributes that the form carries are in the context', () => {
  for (const request of [structured(), binary()]) {
    expect(only(request)?.context).toMatchObject({ source: '/orders', subject: 'eu/42', key: 'customer-7' });
  }
});

const png: CloudEvent = { ...event, id: 'png', datacontenttype: 'image/png', data: Buffer.from([0x89, 0, 255]) };

test.each([
  ['structured', signed(formatStructured(png), { 'content-type': mediaTypes.structured }, { id: 'png' })],
  ['binary', binary(png)],
  ['standard-webhooks', standard(png)],
])('data that is no JSON comes as its bytes, %s', (_, request) => {
  expect(only(request)?.data).toEqual(png.data);
});

test('an event without data has none', () => {
  const { data: _, ...empty } = event;
  expect(only(signed(formatStructured(empty), { 'content-type': mediaTypes.structured }))?.data).toBeUndefined();
});

test('the hops of an event are its own count and this hook, or what the header of a single one says', () => {
  const { events: one } = verifyHookRequest(
    signed(formatStandardPayload(event), { 'content-type': 'application/json', 'hookcast-hops': '3' }),
    { secrets: [secret] },
    { now },
  );
  expect(one[0]?.context.hops).toBe(3);
  const batch = formatBatch([
    { ...event, id: 'e1', extensions: { hookcasthops: '4' } },
    { ...event, id: 'e2', extensions: {} },
  ]);
  const headers = { 'content-type': mediaTypes.batch, 'hookcast-hops': '5' };
  const { events } = verifyHookRequest(
    signed(batch, headers, { id: batchWebhookId('e1', 2) }),
    { secrets: [secret] },
    { now },
  );
  expect(events.map(({ context }) => context.hops)).toEqual([5, 1]);
});

test('a batch gives every event with its own id', () => {
  const events = [1, 2, 3].map((n): CloudEvent => ({ ...event, id: `e${n}`, data: Buffer.from(String(n)) }));
  const request = signed(formatBatch(events), { 'content-type': mediaTypes.batch }, { id: batchWebhookId('e1', 3) });
  const opened = open(request);
  expect(opened.isBatch).toBe(true);
  expect(opened.events.map(({ data, context }) => [context.id, context.topic, data])).toEqual([
    ['e1', 'orders.created', 1],
    ['e2', 'orders.created', 2],
    ['e3', 'orders.created', 3],
  ]);
});

test('trace and replay headers reach the context', () => {
  const trace = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', tracestate: 'a=b' };
  const request = structured({ ...trace, 'hookcast-replay': 'true' });
  expect(only(request)?.context).toMatchObject({ ...trace, replay: true });
});

test('a payload of another Standard Webhooks sender is its own data, under its type', () => {
  const request = signed(Buffer.from('{"type":"invoice.paid","amount":1.0}'), { 'content-type': 'application/json' });
  const { 'hookcast-topic': _, ...headers } = request.headers;
  const delivered = only({ ...request, headers });
  expect(delivered).toMatchObject({ data: { amount: 1 }, context: { topic: 'invoice.paid', attempt: 3 } });
});

test('an Ed25519 signature is verified with the public key', () => {
  const pair = generateSigningKeyPair();
  expect(open(structured({}, { key: pair.secret }), { publicKeys: [pair.publicKey] }).events).toHaveLength(1);
});

test('any of several secrets may have signed', () => {
  expect(open(structured(), { secrets: [generateSecret(), secret] }).events).toHaveLength(1);
});

const refusalOf = (attempt: () => unknown): HookRequestError => {
  try {
    attempt();
  } catch (error) {
    if (error instanceof HookRequestError) return error;
    throw error;
  }
  throw new Error('the request was not refused');
};

const { 'webhook-signature': _signature, ...unsigned } = structured().headers;
const changed = Buffer.from(structured().body.toString().replace('42', '43'));

test.each<[string, Parameters<typeof verifyHookRequest>[0], RefusalReason, number]>([
  ['without a signature', { ...structured(), headers: unsigned }, 'missing-header', 401],
  ['with a changed body', { ...structured(), body: changed }, 'no-match', 401],
  ['signed with another secret', structured({}, { key: generateSecret() }), 'no-match', 401],
  ['of ten minutes ago', structured({}, { at: timestamp - 600 }), 'too-old', 401],
  ['of ten minutes ahead', structured({}, { at: timestamp + 600 }), 'too-new', 401],
  ['with a signature that is none', structured({ 'webhook-signature': 'v1' }), 'malformed-header', 401],
  [
    'with many signatures',
    structured({ 'webhook-signature': 'v1,AA== '.repeat(11).trim() }),
    'too-many-signatures',
    401,
  ],
  [
    'whose body is no event',
    signed(Buffer.from('{}'), { 'content-type': mediaTypes.structured }),
    'malformed-event',
    400,
  ],
  ['whose body is no JSON', signed(Buffer.from('<x>'), { 'content-type': 'application/json' }), 'malformed-event', 400],
])('a request %s is refused', (_, request, reason, status) => {
  expect(refusalOf(() => open(request))).toMatchObject({ reason, status, name: 'HookRequestError' });
});

test('without any key everything is refused', () => {
  expect(refusalOf(() => open(structured(), {}))).toMatchObject({ reason: 'no-keys', status: 503 });
});

interface BoundId {
  name: string;
  headers: Record<string, string>;
  bodyBase64: string;
  secret: string;
  now: number;
  expected: string;
}

const { boundIds } = JSON.parse(
  readFileSync(new URL('../../../docs/vectors/signatures.json', import.meta.url), 'utf8'),
) as { boundIds: BoundId[] };

test.each(boundIds)('vector: $name is $expected', (vector) => {
  const request = { headers: vector.headers, body: Buffer.from(vector.bodyBase64, 'base64') };
  const verifying = () =>
    verifyHookRequest(request, { secrets: [vector.secret] }, { now: new Date(vector.now * 1000) });
  if (vector.expected === 'verified') expect(verifying().events.length).toBeGreaterThan(0);
  else expect(refusalOf(verifying)).toMatchObject({ reason: vector.expected, status: 401 });
});
