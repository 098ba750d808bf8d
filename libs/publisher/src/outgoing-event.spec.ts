import { parseStructured, type CloudEvent } from '@hookcast/protocol';
import { outgoingEvent, type EventOptions } from './outgoing-event.js';

const now = Date.UTC(2026, 10, 24, 12);
const origin = { source: '/orders', now };

const build = (options: EventOptions = {}, data: unknown = { orderId: 42 }) =>
  outgoingEvent('orders.created', data, options, origin);

/** The event as the broker reads it. */
function sent(options: EventOptions = {}, data?: unknown): CloudEvent {
  const result = parseStructured(build(options, data).body);
  if (result.kind === 'malformed') throw new Error(JSON.stringify(result.errors));
  return result.value;
}

test('an event gets an id, the time, the source of the publisher and the topic as its type', () => {
  expect(sent()).toMatchObject({
    id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/),
    source: '/orders',
    type: 'orders.created',
    time: '2026-11-24T12:00:00.000Z',
    datacontenttype: 'application/json',
    extensions: {},
  });
});

test('ids differ from call to call', () => {
  expect(build().id).not.toBe(build().id);
});

test('publishing the same id again gives the same bytes whenever that is', () => {
  const again = outgoingEvent('orders.created', { n: 1 }, { id: 'order-42' }, { ...origin, now: now + 60_000 });
  expect(again.body.equals(build({ id: 'order-42' }, { n: 1 }).body)).toBe(true);
  expect(sent({ id: 'order-42' })).not.toHaveProperty('time');
});

test('every option stands where the broker looks for it', () => {
  const event = sent({
    id: 'order-42',
    source: '/shop',
    type: 'shop.order',
    subject: 'eu/42',
    key: 'customer 7',
    time: new Date(now - 1000),
    dataschema: 'https://schemas.test/order',
    extensions: { tenant: 'acme', retries: 3, urgent: true },
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    tracestate: 'a=b',
    deliverAt: '2026-11-25T00:00:00Z',
    expiresAt: new Date(now + 3_600_000),
  });
  expect(event).toMatchObject({
    id: 'order-42',
    source: '/shop',
    type: 'shop.order',
    subject: 'eu/42',
    time: '2026-11-24T11:59:59.000Z',
    dataschema: 'https://schemas.test/order',
  });
  expect(event.extensions).toEqual({
    tenant: 'acme',
    retries: '3',
    urgent: 'true',
    partitionkey: 'customer 7',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    tracestate: 'a=b',
    deliverat: '2026-11-25T00:00:00Z',
    expirytime: '2026-11-24T13:00:00.000Z',
  });
});

test.each([
  ['500ms', '2026-11-24T12:00:00.500Z'],
  ['30s', '2026-11-24T12:00:30.000Z'],
  ['1.5h', '2026-11-24T13:30:00.000Z'],
  ['2d', '2026-11-26T12:00:00.000Z'],
] as const)('a delay of %s ends at %s', (delay, at) => {
  expect(sent({ delay }).extensions['deliverat']).toBe(at);
});

test('the bytes of the data are untouched', () => {
  const text = '{ "n": 12345678901234567890, "f": 1.0 }';
  expect(sent({ contentType: 'application/json' }, Buffer.from(text)).data?.toString()).toBe(text);
  const binary = Buffer.from([0, 255, 10]);
  expect(sent({ contentType: 'image/png' }, binary).data).toEqual(binary);
});

test.each<[string, EventOptions, string]>([
  ['an id with a space', { id: 'a b' }, 'event id'],
  ['an empty id', { id: '' }, 'event id'],
  ['a delay beside deliverAt', { delay: '1s', deliverAt: new Date() }, 'exclude'],
  ['an invalid Date', { time: new Date(Number.NaN) }, 'time is not a valid Date'],
  ['an extension in capitals', { extensions: { Tenant: 'a' } }, '"Tenant"'],
  ['an extension that would replace the id', { extensions: { id: 'a' } }, '"id"'],
])('%s is refused', (_, options, words) => {
  expect(() => build(options)).toThrow(expect.objectContaining({ reason: 'invalid-event', retryable: false }));
  expect(() => build(options)).toThrow(words);
});

test.each(['Orders', 'orders..created', 'orders.*', ''])('"%s" is refused as a topic', (topic) => {
  expect(() => outgoingEvent(topic, {}, {}, origin)).toThrow('is not a topic name');
});
