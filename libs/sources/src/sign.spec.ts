import { senders } from './describe-senders.js';
import { receive } from './receive.js';
import { type SourceConfig } from './reception.js';
import { sign, type UnsignedRequest } from './sign.js';
import { validateSource } from './validate-source.js';

const now = new Date('2026-11-18T11:06:40.789Z');
const form = { 'content-type': 'application/x-www-form-urlencoded' };
const url = 'https://hooks.example.org/in/own/token';
const soap =
  '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><notifications><OrganizationId>00D000000000001' +
  '</OrganizationId><ActionId>04k1</ActionId><Notification><Id>04l1</Id></Notification></notifications></e:Body></e:Envelope>';

/** What a request of the sender needs beyond a JSON body. */
const requests: Record<string, UnsignedRequest> = {
  adyen: {
    body: '{"notificationItems":[{"NotificationRequestItem":{"eventCode":"A","pspReference":"1","success":"true"}}]}',
  },
  'adyen-platform': { body: '{"type":"a"}' },
  cloudevents: {
    body: '{"specversion":"1.0","id":"1","source":"/s","type":"t"}',
    headers: { 'content-type': 'application/cloudevents+json' },
  },
  linear: { body: `{"type":"Issue","action":"create","webhookTimestamp":${now.getTime()}}` },
  mandrill: { body: `mandrill_events=${encodeURIComponent('[{"event":"open","_id":"1","ts":1}]')}`, headers: form },
  msgraph: { body: '{"value":[{"changeType":"updated"}]}' },
  salesforce: { body: soap },
  'slack-token': { body: 'command=%2Fown', headers: form },
  twilio: { body: 'MessageSid=SM1&MessageStatus=sent', headers: form },
};
const secrets: Record<string, string> = {
  'adyen-payments': 'ab'.repeat(32),
  'adyen-platform': 'ab'.repeat(32),
  'basic-auth': 'user:password',
  'salesforce-orgid': '00D000000000001',
  'standard-webhooks': `whsec_${Buffer.alloc(32, 1).toString('base64')}`,
  svix: `whsec_${Buffer.alloc(32, 1).toString('base64')}`,
  'gitlab-signing-token': `whsec_${Buffer.alloc(32, 1).toString('base64')}`,
};
const values: Record<string, string> = { key: 'k1, k2', topic: 'https://feeds.example.org/', verifyToken: 't' };

const cases = senders().flatMap(({ name, schemes }) =>
  schemes.map((scheme) => {
    const required = scheme.params.filter((param) => param.required).map((param) => param.name);
    const source: SourceConfig = {
      sender: name,
      scheme: scheme.name,
      secrets: [secrets[scheme.name] ?? 'a secret of enough characters'],
      ...(scheme.needs.callbackUrl && { callbackUrl: url }),
      params: Object.fromEntries(required.map((param) => [param, values[param] ?? ''])),
    };
    return {
      title: `${name} ${scheme.name}`,
      source,
      request: requests[scheme.name] ?? requests[name] ?? { body: '{"a":1}' },
      scheme,
    };
  }),
);

test.each(cases.filter(({ scheme }) => scheme.canSign))(
  'what sign() makes is accepted: $title',
  ({ source, request }) => {
    expect(validateSource(source)).toEqual([]);
    const signed = sign(request, source, now);
    expect(receive(signed, source, now)).toMatchObject({ kind: 'accepted' });
  },
);

test.each(cases.filter(({ scheme }) => !scheme.canSign))('only the sender can sign: $title', ({ source, request }) => {
  expect(() => sign(request, source, now)).toThrow(TypeError);
});

test('signs with the first secret, which the receiver may have as its second', () => {
  const signer: SourceConfig = { sender: 'github', secrets: ['new secret', 'old secret'] };
  const request = sign({ body: '{}' }, signer, now);
  expect(receive(request, { sender: 'github', secrets: ['other', 'new secret'] }, now).kind).toBe('accepted');
  expect(receive(request, { sender: 'github', secrets: ['old secret'] }, now).kind).toBe('refused');
});

test('keeps the headers that the caller set, the timestamp among them', () => {
  const source: SourceConfig = { sender: 'slack', secrets: ['secret'] };
  const request = sign({ body: '{}', headers: { 'X-Slack-Request-Timestamp': '1' } }, source, now);
  expect(receive(request, source, now)).toMatchObject({ reason: 'too-old' });
  expect(receive(request, source, new Date(1000))).toMatchObject({ kind: 'accepted' });
});

test('two redeliveries of one body have one delivery id', () => {
  const source: SourceConfig = { sender: 'svix', secrets: [secrets['svix'] ?? ''] };
  const ids = [now, new Date(now.getTime() + 60_000)].map((at) => {
    const reception = receive(sign({ body: '{"type":"a"}' }, source, at), source, at);
    return reception.kind === 'accepted' ? reception.items[0]?.deliveryId : reception.kind;
  });
  expect(ids[0]).toBe(ids[1]);
});

test('a wrong secret is a bug of the caller', () => {
  expect(() => sign({ body: '{}' }, { sender: 'svix', secrets: ['not base64!'] }, now)).toThrow(TypeError);
  expect(() => sign({ body: '{}' }, { sender: 'trello', secrets: ['secret'] }, now)).toThrow(TypeError);
  expect(() => sign({ body: '{}' }, { sender: 'nobody', secrets: [] }, now)).toThrow(TypeError);
});
