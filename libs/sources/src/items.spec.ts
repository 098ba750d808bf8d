import { receive } from './receive.js';
import { type Accepted, type ReceivedItem, type SourceConfig } from './reception.js';
import { sign, type UnsignedRequest } from './sign.js';
import { toSourceEvent } from './source-event.js';

const now = new Date('2026-11-18T11:06:40Z');
const form = { 'content-type': 'application/x-www-form-urlencoded' };

function accepted(source: Partial<SourceConfig> & { sender: string }, request: UnsignedRequest, at = now): Accepted {
  const config: SourceConfig = {
    secrets: ['a secret of enough characters'],
    callbackUrl: 'https://h.example/in',
    ...source,
  };
  const reception = receive(sign(request, config, at), config, at);
  if (reception.kind !== 'accepted') throw new Error(`${source.sender}: ${JSON.stringify(reception)}`);
  return reception;
}
const items = (...args: Parameters<typeof accepted>): readonly ReceivedItem[] => accepted(...args).items;
const described = (list: readonly ReceivedItem[]) =>
  list.map(({ deliveryId, eventType, subject, time, data }) => ({
    id: deliveryId,
    type: eventType,
    ...(subject !== undefined && { subject }),
    ...(time && { time: time.toISOString() }),
    data: data.toString(),
  }));

test('a batch is split into the bytes of its elements', () => {
  const body =
    '{"object":"page", "entry":[ {"id":"7","time":1795000000,"changes":[{"field":"feed","value":1.0}]},{"id":"8","time":1795000000000,"messaging":[{"sender":{"id":"1"}}]}]}';
  expect(described(items({ sender: 'meta' }, { body }))).toMatchObject([
    {
      type: 'page.feed',
      subject: '7',
      time: '2026-11-18T11:06:40.000Z',
      data: '{"id":"7","time":1795000000,"changes":[{"field":"feed","value":1.0}]}',
    },
    {
      type: 'page.messaging',
      subject: '8',
      time: '2026-11-18T11:06:40.000Z',
      data: '{"id":"8","time":1795000000000,"messaging":[{"sender":{"id":"1"}}]}',
    },
  ]);
});

test('each element of a batch has a delivery id of its own', () => {
  const body =
    '[{"eventId":1,"subscriptionId":2,"occurredAt":1795000000000,"subscriptionType":"deal.creation"},{"eventId":1,"subscriptionId":3,"occurredAt":1795000000000}]';
  const source = { sender: 'hubspot', scheme: 'hubspot-v1' };
  expect(items(source, { body }).map(({ deliveryId }) => deliveryId)).toEqual([
    '1:2:1795000000000',
    '1:3:1795000000000',
  ]);
  expect(
    items({ sender: 'aspnet-custom' }, { body: '{"Id":"w","Notifications":[{"Action":"a"},{"Action":"b"}]}' }),
  ).toMatchObject([
    { deliveryId: 'w:0', eventType: 'a' },
    { deliveryId: 'w:1', eventType: 'b' },
  ]);
});

test('an empty batch is a delivery without events', () => {
  expect(items({ sender: 'hubspot', scheme: 'hubspot-v1' }, { body: '[]' })).toEqual([]);
});

test.each([
  [
    'trello',
    { body: '{"action":{"id":"a1","type":"createCard","date":"2026-11-18T11:06:40.000Z"},"model":{"id":"m"}}' },
    { id: 'a1', type: 'createCard', subject: 'm', time: '2026-11-18T11:06:40.000Z' },
  ],
  [
    'stripe',
    { body: '{"id":"evt_1","type":"invoice.paid","created":1795000000,"data":{"object":{"id":"in_1"}}}' },
    { id: 'evt_1', type: 'invoice.paid', subject: 'in_1', time: '2026-11-18T11:06:40.000Z' },
  ],
  [
    'slack',
    {
      body: '{"type":"event_callback","event_id":"Ev1","event_time":1795000000,"team_id":"T1","event":{"type":"message","subtype":"bot"}}',
    },
    { id: 'Ev1', type: 'message.bot', subject: 'T1', time: '2026-11-18T11:06:40.000Z' },
  ],
  [
    'slack',
    {
      headers: form,
      body: `payload=${encodeURIComponent('{"type":"block_actions","trigger_id":"t.1","team":{"id":"T2"}}')}`,
    },
    { id: 't.1', type: 'block_actions', subject: 'T2' },
  ],
  [
    'twilio',
    { headers: form, body: 'MessageSid=SM1&MessageStatus=delivered' },
    { id: 'SM1:delivered', type: 'message.delivered', subject: 'SM1' },
  ],
  [
    'twilio',
    { headers: form, body: 'CallSid=CA1&CallStatus=completed&SequenceNumber=3' },
    { id: 'CA1:completed:3', type: 'call.completed', subject: 'CA1' },
  ],
  [
    'mailchimp',
    { headers: form, body: 'type=subscribe&fired_at=2026-11-18+11%3A06%3A40&data%5Bid%5D=1&data%5Blist_id%5D=l' },
    { id: 'subscribe:2026-11-18 11:06:40:1:l', type: 'subscribe', subject: 'l', time: '2026-11-18T11:06:40.000Z' },
  ],
  [
    'gitlab',
    {
      headers: { 'X-Gitlab-Event': 'Push Hook', 'Idempotency-Key': 'k1' },
      body: '{"project":{"path_with_namespace":"own/repo"}}',
    },
    { id: 'k1', type: 'Push Hook', subject: 'own/repo' },
  ],
  [
    'linear',
    {
      headers: { 'Linear-Delivery': 'l1' },
      body: `{"type":"Issue","action":"create","createdAt":"2026-11-18T11:06:40Z","webhookTimestamp":${now.getTime()}}`,
    },
    { id: 'l1', type: 'Issue.create', time: '2026-11-18T11:06:40.000Z' },
  ],
  [
    'zoom',
    { body: '{"event":"meeting.ended","event_ts":1795000000000,"payload":{"object":{"uuid":"u=="}}}' },
    { id: 'meeting.ended:1795000000000:u==', type: 'meeting.ended', time: '2026-11-18T11:06:40.000Z' },
  ],
  ['x', { body: '{"for_user_id":"7","follow_events":[{}]}' }, { type: 'follow_events', subject: '7' }],
  [
    'okta',
    {
      body: '{"eventType":"com.okta.event_hook","eventId":"e1","eventTime":"2026-11-18T11:06:40Z","data":{"events":[{"eventType":"user.create"},{"eventType":"user.create"}]}}',
    },
    { id: 'e1', type: 'user.create', time: '2026-11-18T11:06:40.000Z' },
  ],
  [
    'okta',
    {
      body: '{"eventType":"com.okta.event_hook","eventId":"e2","data":{"events":[{"eventType":"a"},{"eventType":"b"}]}}',
    },
    { id: 'e2', type: 'com.okta.event_hook' },
  ],
  [
    'dynamicscrm',
    {
      body: '{"MessageName":"Update","OperationId":"00000000-0000-0000-0000-000000000000","CorrelationId":"c","PrimaryEntityId":"p","Stage":40,"OperationCreatedOn":"/Date(1795000000000)/"}',
    },
    { id: 'c:Update:p:40', type: 'Update', time: '2026-11-18T11:06:40.000Z' },
  ],
  [
    'azure-alert',
    { body: '{"status":"Activated","context":{"id":"/r/1","name":"cpu","timestamp":"2026-11-18T11:06:40Z"}}' },
    { id: '/r/1:2026-11-18T11:06:40Z:Activated', type: 'cpu', time: '2026-11-18T11:06:40.000Z' },
  ],
  [
    'msgraph',
    { body: '{"value":[{"id":"n1","changeType":"created","resource":"users/1"}]}' },
    { id: 'n1', type: 'created', subject: 'users/1' },
  ],
  ['msgraph', { body: '{"value":[{"lifecycleEvent":"missed","subscriptionId":"s"}]}' }, { type: 'lifecycle.missed' }],
] as [string, UnsignedRequest, Record<string, string>][])(
  '%s: what makes up an event is found',
  (sender, request, expected) => {
    const [item] = described(items({ sender }, request));
    expect(item).toMatchObject(expected);
  },
);

test('a genuine body that is not what the sender documents is kept whole', () => {
  expect(described(items({ sender: 'github' }, { body: 'not JSON' }))).toMatchObject([
    { type: 'unknown', data: 'not JSON' },
  ]);
  expect(described(items({ sender: 'hubspot', scheme: 'hubspot-v1' }, { body: '{"a":1}' }))).toMatchObject([
    { data: '{"a":1}' },
  ]);
});

test('equal bytes are one event for a while, where nothing else tells them apart', () => {
  const at = (seconds: number) =>
    items({ sender: 'dropbox' }, { body: '{}' }, new Date(1_795_000_000_000 + seconds * 1000))[0];
  expect(at(0)?.deliveryId).toBe(at(9)?.deliveryId);
  expect(at(0)?.deliveryId).not.toBe(at(10)?.deliveryId);
  expect(at(0)?.dedupe).toBe('hash');
});

test('equal bytes that carry their own time are one event for ever', () => {
  const at = (hours: number) =>
    items({ sender: 'x' }, { body: '{"follow_events":[]}' }, new Date(1_795_000_000_000 + hours * 3_600_000))[0];
  expect(at(0)?.deliveryId).toBe(at(100)?.deliveryId);
});

test('one Shopify event id under two topics gives two events', () => {
  const ids = ['orders/create', 'orders/paid'].map((topic) => {
    const [item] = items(
      { sender: 'shopify' },
      { headers: { 'X-Shopify-Topic': topic, 'X-Shopify-Event-Id': 'e1' }, body: '{}' },
    );
    expect(item?.deliveryId).toBe('e1');
    return item && toSourceEvent(item, { name: 'shop', sender: 'shopify' }).id;
  });
  expect(new Set(ids).size).toBe(2);
});

test('a Salesforce message becomes one document per notification, without its session', () => {
  const body =
    '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:i="http://i"><e:Body><notifications xmlns="http://soap.sforce.com/2005/09/outbound">' +
    '<OrganizationId>00D000000000001AAA</OrganizationId><ActionId>04k1</ActionId><SessionId>secret!</SessionId>' +
    '<Notification><Id>04l1</Id><sObject i:type="sf:Lead" xmlns:sf="urn:x"><sf:Name>grüße</sf:Name></sObject></Notification>' +
    '<Notification xmlns:i="http://other"><Id>04l2</Id></Notification></notifications></e:Body></e:Envelope>';
  const source = { sender: 'salesforce', secrets: ['00D000000000001'] };
  const reception = accepted(source, { body, headers: { 'content-type': 'text/xml' } });
  expect(reception.response?.body).toContain('<Ack>true</Ack>');
  expect(described(reception.items)).toEqual([
    {
      id: '04l1',
      type: '04k1',
      subject: '00D000000000001AAA',
      data:
        '<Notification xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:i="http://i" xmlns="http://soap.sforce.com/2005/09/outbound">' +
        '<Id>04l1</Id><sObject i:type="sf:Lead" xmlns:sf="urn:x"><sf:Name>grüße</sf:Name></sObject></Notification>',
    },
    {
      id: '04l2',
      type: '04k1',
      subject: '00D000000000001AAA',
      data:
        '<Notification xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns="http://soap.sforce.com/2005/09/outbound" xmlns:i="http://other">' +
        '<Id>04l2</Id></Notification>',
    },
  ]);
});

test('the data of a CloudEvent is its data, untouched', () => {
  const body = '{"specversion":"1.0","id":"1","source":"/s","type":"t","subject":"u","data":{"n": 1.0}}';
  const [item] = items(
    { sender: 'cloudevents' },
    { body, headers: { 'content-type': 'application/cloudevents+json' } },
  );
  expect(item).toMatchObject({ deliveryId: '/s#1', eventType: 't', subject: 'u', contentType: 'application/json' });
  expect(item?.data.toString()).toBe('{"n": 1.0}');
});
