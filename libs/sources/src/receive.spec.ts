import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { receive, verify } from './receive.js';
import { type RawRequest, type Reception, type SourceConfig } from './reception.js';
import { senderTable } from './sender-table.js';
import { sign } from './sign.js';

const now = new Date('2026-11-18T11:06:40Z');
const post = (body: string | Buffer, headers: Record<string, string> = {}): RawRequest => ({
  method: 'POST',
  url: '/in/source/token',
  headers: Object.entries(headers),
  body: Buffer.from(body),
});

const schemes = senderTable.flatMap((sender) => Object.keys(sender.schemes).map((scheme) => ({ sender, scheme })));
const names = schemes.map(({ sender, scheme }) => ({ sender: sender.name, scheme }));
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const privateKeyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

/** Header names that some sender reads, so that garbage gets past the first check. */
const headerNames =
  'x-hub-signature x-hub-signature-256 x-slack-signature x-slack-request-timestamp stripe-signature webhook-id ' +
  'webhook-timestamp webhook-signature authorization content-type x-twilio-signature x-mandrill-signature ce-id ce-type ' +
  'ce-source webhook-request-origin paypal-transmission-sig paypal-transmission-id paypal-transmission-time ' +
  'paypal-cert-url paypal-auth-algo x-signature-ed25519 x-signature-timestamp x-twilio-email-event-webhook-signature ' +
  'x-twilio-email-event-webhook-timestamp';
const headerValue = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('v1,AAAA', 't=1795000000,v1=00', 'sha256=00', '1795000000', 'Basic !', 'Bearer x', 'SHA256withRSA'),
  fc.constantFrom('application/json', 'application/x-www-form-urlencoded', 'application/cloudevents+json', 'text/xml'),
  fc.constantFrom('https://api.paypal.com/v1/notifications/certs/x', 'AAAA', 'ffff'),
);
const headers = fc.array(fc.tuple(fc.oneof(fc.constantFrom(...headerNames.split(' ')), fc.string()), headerValue), {
  maxLength: 12,
});
const documents = fc.oneof(
  fc.json(),
  fc.constantFrom(
    '[[[',
    '{"value":[{"clientState":1}]}',
    '{"notificationItems":[{}]}',
    '{"Type":"Notification","Signature":"AA=="}',
  ),
  fc.constantFrom(
    '{"entry":[null,1,"x",{"changes":null}],"object":{}}',
    'payload={',
    'mandrill_events=[1]',
    '<a><b></a>',
  ),
  fc.constantFrom('{"__proto__":{"id":"x"},"constructor":1}', '[]', 'null', '"text"', '\uFEFF{}', '<!DOCTYPE a><a/>'),
);
const body = fc.oneof(
  documents.map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
);
const requests: fc.Arbitrary<RawRequest> = fc.record({
  method: fc.oneof(fc.constantFrom('POST', 'GET', 'HEAD', 'OPTIONS', 'PUT'), fc.string()),
  url: fc.oneof(
    fc.webUrl({ withQueryParameters: true }),
    fc.string(),
    fc.constantFrom(
      '/?crc_token=a',
      '/?validationToken=%ff',
      '/?hub.mode=subscribe',
      '/?code=x&code=y',
      '/?bodySHA256=00',
    ),
  ),
  headers,
  body,
});
const params = fc.dictionary(
  fc.constantFrom(
    'webhookId',
    'verifyToken',
    'key',
    'topicArn',
    'header',
    'template',
    'algorithm',
    'separator',
    'caPem',
  ),
  fc.oneof(fc.string(), fc.constantFrom('constructor', '__proto__', '{body}{timestamp}', privateKeyPem)),
);
const sources: fc.Arbitrary<SourceConfig> = fc
  .record({
    style: fc.constantFrom(...names),
    secrets: fc.array(fc.oneof(fc.string(), fc.constant('whsec_AAAA')), { maxLength: 3 }),
    publicKeys: fc.array(fc.oneof(fc.string(), fc.constant('ff'.repeat(32))), { maxLength: 2 }),
    callbackUrl: fc.oneof(fc.string(), fc.webUrl()),
    params,
    pem: fc.oneof(
      fc.string(),
      fc.constant(undefined),
      fc.constant('-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----'),
    ),
  })
  .map(({ style, pem, ...rest }) => ({ ...style, ...rest, certificate: () => pem }));

test('never throws, whatever arrives and however it is configured', () => {
  fc.assert(
    fc.property(requests, sources, (request, source) => {
      const { kind } = receive(request, source, now);
      expect(['handshake', 'accepted', 'refused']).toContain(kind);
    }),
    { numRuns: 2000 },
  );
});

const signable = schemes.filter(({ sender, scheme }) => {
  const style = sender.schemes[scheme];
  return style?.kind === 'token' || (style?.kind === 'code' ? style.sign !== undefined : true);
});
const asymmetric = new Set(['discord', 'sendgrid']);

test.each(
  signable.filter(({ sender }) => !asymmetric.has(sender.name)).map(({ sender, scheme }) => [sender.name, scheme]),
)('a genuine delivery of any body never throws and loses nothing: %s %s', (sender, scheme) => {
  const source = configured(sender, scheme);
  fc.assert(
    fc.property(documents, fc.constantFrom('application/json', 'application/x-www-form-urlencoded'), (text, type) => {
      const reception = receive(sign({ body: text, headers: { 'content-type': type } }, source, now), source, now);
      expect(dataOf(reception).every((data) => data.length <= Buffer.byteLength(text) + 200)).toBe(true);
    }),
    { numRuns: 60 },
  );
});

function configured(sender: string, scheme: string): SourceConfig {
  const hex = ['adyen-payments', 'adyen-platform'].includes(scheme);
  const secret =
    scheme === 'salesforce-orgid' ? '00D000000000001' : hex ? 'ab'.repeat(32) : 'a:secret+of=32/chars_AAAAAAAAAAA';
  const whsec = ['standard-webhooks', 'svix', 'gitlab-signing-token'].includes(scheme);
  return {
    sender,
    scheme,
    secrets: [whsec ? `whsec_${Buffer.alloc(32, 7).toString('base64')}` : secret],
    callbackUrl: 'https://hooks.example.org/in/source/token?x=1',
    params: { key: 'k1', topic: 'https://feeds.example.org/', verifyToken: 't' },
  };
}

function dataOf(reception: Reception): Buffer[] {
  return reception.kind === 'accepted' ? reception.items.map(({ data }) => data) : [];
}

const github: SourceConfig = { sender: 'github', secrets: ['It is a secret to everybody'] };

test('the data of an event is the body, byte for byte', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const request = sign({ body: Buffer.from(bytes), headers: { 'x-github-event': 'push' } }, github, now);
      const reception = receive(request, github, now);
      expect(dataOf(reception)).toEqual([Buffer.from(bytes)]);
    }),
  );
});

test('a method that the sender does not use is refused before anything is read', () => {
  const request = { ...sign({ body: '{}' }, github, now), method: 'PUT' };
  expect(receive(request, github, now)).toEqual({ kind: 'refused', status: 405, reason: 'method', allow: ['POST'] });
});

test('a body beyond 25 MiB is refused', () => {
  const request = sign({ body: Buffer.alloc(25 * 1024 * 1024 + 1, 0x20) }, github, now);
  expect(receive(request, github, now)).toMatchObject({ kind: 'refused', status: 413 });
});

test('an unknown sender and an unknown scheme fail closed', () => {
  const request = sign({ body: '{}' }, github, now);
  for (const wrong of [{ sender: 'nobody' }, { scheme: 'md5' }, { scheme: 'constructor' }, { scheme: '__proto__' }]) {
    expect(receive(request, { ...github, ...wrong }, now)).toMatchObject({ kind: 'refused', reason: 'misconfigured' });
  }
});

test('verify answers for the signature alone', () => {
  const request = sign({ body: '{}', headers: { 'x-github-event': 'ping' } }, github, now);
  expect(verify(request, github, now)).toBeUndefined();
  expect(verify(post('{}'), github, now)).toMatchObject({ reason: 'missing-signature' });
});

test('a source whose callback URL is missing is refused, not guessed from the request', () => {
  const trello: SourceConfig = { sender: 'trello', secrets: ['secret'], callbackUrl: 'https://hooks.example.org/t' };
  const { callbackUrl: _, ...without } = trello;
  const request = { ...sign({ body: '{}' }, trello, now), url: 'https://hooks.example.org/t' };
  expect(receive(request, trello, now)).toMatchObject({ kind: 'accepted' });
  expect(receive(request, without, now)).toMatchObject({ kind: 'refused', reason: 'misconfigured' });
});

test('large hostile bodies are refused without a stack overflow', () => {
  const size = 2_000_000;
  const hostile: [string, string][] = [
    ['salesforce', `<a ${'x="" '.repeat(size / 5)}>`],
    ['salesforce', '<a>'.repeat(size / 3)],
    ['salesforce', `<a>${'&lt;'.repeat(size / 4)}`],
    ['adyen', `{"notificationItems":${'['.repeat(size / 2)}${']'.repeat(size / 2)}}`],
    ['msgraph', `{"value":[${'0,'.repeat(size / 2)}0]}`],
    ['aws-sns', `{"Signature":"${'A'.repeat(size)}"}`],
  ];
  for (const [sender, text] of hostile) {
    const source = { sender, secrets: ['00D000000000001', 'ab'.repeat(32)] };
    expect(receive(post(text), source, now)).toMatchObject({ kind: 'refused' });
  }
});
