import { receive } from './receive.js';
import { type RawRequest, type Reception, type SourceConfig } from './reception.js';
import { sign, type UnsignedRequest } from './sign.js';

const now = new Date('2026-11-18T11:06:40Z');
const bare = (method: string, url: string, headers: [string, string][] = []): RawRequest => ({
  method,
  url,
  headers,
  body: Buffer.alloc(0),
});
const answer = (sender: string, request: RawRequest, source: Partial<SourceConfig> = {}): Reception =>
  receive(request, { sender, secrets: [], ...source }, now);
const signedAnswer = (source: SourceConfig, request: UnsignedRequest) =>
  receive(sign(request, source, now), source, now);

test('echoes are text that no browser runs', () => {
  const echoes = [
    answer('dropbox', bare('GET', '/?challenge=%3Cscript%3E')),
    answer('aspnet-custom', bare('GET', '/?echo=%3Cscript%3E')),
    answer('msgraph', bare('POST', '/?validationToken=%3Cscript%3E')),
    answer('meta', bare('GET', '/?hub.mode=subscribe&hub.verify_token=t&hub.challenge=%3Cscript%3E'), {
      params: { verifyToken: 't' },
    }),
  ];
  for (const echo of echoes) {
    expect(echo).toMatchObject({
      kind: 'handshake',
      response: {
        status: 200,
        headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' },
        body: '<script>',
      },
    });
  }
});

test('a challenge that is absent, doubled, empty or huge is refused', () => {
  for (const query of ['', '?challenge=', '?challenge=a&challenge=b', `?challenge=${'a'.repeat(5000)}`]) {
    expect(answer('dropbox', bare('GET', `/${query}`))).toMatchObject({ kind: 'refused', status: 400 });
  }
});

test.each(['trello', 'intercom', 'mandrill'])('%s: HEAD is answered before there is a secret', (sender) => {
  expect(answer(sender, bare('HEAD', '/'))).toMatchObject({ kind: 'handshake', response: { status: 200 } });
});

test('the probe of Mandrill is answered before it has given us a key, and nothing else is', () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const source: SourceConfig = {
    sender: 'mandrill',
    secrets: ['test-webhook'],
    callbackUrl: 'https://hooks.example.org/m',
  };
  const without = { ...source, secrets: [] };
  const probe = sign({ headers: form, body: 'mandrill_events=%5B%5D' }, source, now);
  const events = sign({ headers: form, body: 'mandrill_events=%5B%7B%7D%5D' }, source, now);
  expect(receive(probe, without, now)).toMatchObject({ kind: 'handshake', response: { status: 200 } });
  expect(receive(events, without, now)).toMatchObject({ kind: 'refused', reason: 'no-secret' });
});

test('Mailchimp validates with the code in the URL', () => {
  const source = { secrets: ['code'] };
  expect(answer('mailchimp', bare('HEAD', '/?code=code'), source)).toMatchObject({ kind: 'handshake' });
  expect(answer('mailchimp', bare('GET', '/?code=cod'), source)).toMatchObject({ kind: 'refused', status: 401 });
});

test('Zoom is answered with the secret that signed the question', () => {
  const body = '{"event":"endpoint.url_validation","payload":{"plainToken":"p"}}';
  const old: SourceConfig = { sender: 'zoom', secrets: ['old'] };
  const expected = signedAnswer(old, { body });
  expect(receive(sign({ body }, old, now), { ...old, secrets: ['new', 'old'] }, now)).toEqual(expected);
  expect(expected).toMatchObject({ kind: 'handshake', response: { headers: { 'content-type': 'application/json' } } });
});

test('an unsigned Zoom validation is no signing oracle', () => {
  const body = Buffer.from('{"event":"endpoint.url_validation","payload":{"plainToken":"v0:1795000000:{}"}}');
  expect(answer('zoom', { ...bare('POST', '/'), body }, { secrets: ['s'] })).toMatchObject({
    kind: 'refused',
    status: 401,
  });
});

test('what the CRC of X signs is never a delivery', () => {
  const source: SourceConfig = { sender: 'x', secrets: ['s'] };
  const token = 'abcdef0123456789';
  const crc = receive(bare('GET', `/?crc_token=${token}`), source, now);
  const signature =
    crc.kind === 'handshake' ? (JSON.parse(crc.response.body) as { response_token: string }).response_token : '';
  const forged: RawRequest = {
    ...bare('POST', '/', [['x-twitter-webhooks-signature', signature]]),
    body: Buffer.from(token),
  };
  expect(signature).toMatch(/^sha256=/);
  expect(receive(forged, source, now)).toMatchObject({ kind: 'refused' });
  for (const other of ['{"a":1}', '', 'a'.repeat(257), 'a b']) {
    expect(receive(bare('GET', `/?crc_token=${encodeURIComponent(other)}`), source, now)).toMatchObject({
      status: 400,
    });
  }
});

test('Event Grid is validated without a secret, and with one only when it is right', () => {
  const body = Buffer.from(
    '[{"eventType":"Microsoft.EventGrid.SubscriptionValidationEvent","data":{"validationCode":"c"}}]',
  );
  const request = { ...bare('POST', '/?code=right'), body };
  const expected = { kind: 'handshake', response: { status: 200, body: '{"validationResponse":"c"}' } };
  expect(answer('azure-eventgrid', request)).toMatchObject(expected);
  expect(answer('azure-eventgrid', request, { secrets: ['right'] })).toMatchObject(expected);
  expect(answer('azure-eventgrid', request, { secrets: ['wrong'] })).toMatchObject({ kind: 'refused', status: 401 });
});

test('CloudEvents senders are granted by origin', () => {
  const ask = (origin: [string, string][], params?: Record<string, string>) =>
    answer('cloudevents', bare('OPTIONS', '/', origin), params && { params });
  const granted = { kind: 'handshake', response: { headers: { 'webhook-allowed-origin': 'a.example' } } };
  const origin: [string, string][] = [['WebHook-Request-Origin', 'a.example']];
  expect(ask(origin)).toMatchObject(granted);
  expect(ask(origin, { allowedOrigins: 'b.example, a.example' })).toMatchObject(granted);
  expect(ask(origin, { allowedOrigins: 'b.example' })).toMatchObject({ kind: 'refused', status: 405 });
  expect(ask([])).toMatchObject({ kind: 'refused', status: 405 });
});

test.each([
  ['github', { headers: { 'X-GitHub-Event': 'ping' }, body: '{}' }],
  ['bitbucket', { headers: { 'X-Event-Key': 'diagnostics:ping' }, body: '{}' }],
  ['intercom', { body: '{"topic":"ping"}' }],
  ['stripe', { body: '{"id":"evt_00000000000000"}' }],
  ['myget', { body: '{"PayloadType":"PingWebHookEventPayloadV1"}' }],
  ['azure-container-registry', { body: '{"action":"ping"}' }],
  ['slack', { body: 'ssl_check=1', headers: { 'content-type': 'application/x-www-form-urlencoded' } }],
] as [string, UnsignedRequest][])(
  '%s: a ping is answered and not published, once it is verified',
  (sender, request) => {
    const source: SourceConfig = { sender, secrets: ['secret'] };
    expect(signedAnswer(source, request)).toMatchObject({ kind: 'handshake', response: { status: 200 } });
    const forged = { ...source, secrets: ['other'] };
    expect(receive(sign(request, forged, now), source, now)).toMatchObject({ kind: 'refused', status: 401 });
  },
);

test('an Okta challenge comes back as JSON', () => {
  expect(answer('okta', bare('GET', '/', [['X-Okta-Verification-Challenge', '"<x>']]))).toMatchObject({
    response: { body: '{"verification":"\\"<x>"}' },
  });
  expect(answer('okta', bare('GET', '/'))).toMatchObject({ kind: 'refused', status: 400 });
});

test('a revoked Twitch subscription is accepted and told to the broker', () => {
  const source: SourceConfig = { sender: 'twitch', secrets: ['secret'] };
  const request = {
    headers: { 'Twitch-Eventsub-Message-Type': 'revocation', 'Twitch-Eventsub-Subscription-Type': 'stream.online' },
    body: '{"subscription":{"id":"1","status":"user_removed"}}',
  };
  expect(signedAnswer(source, request)).toMatchObject({
    kind: 'accepted',
    items: [{ eventType: 'revocation', subject: '1' }],
    followUp: { kind: 'revoked', reason: 'user_removed' },
  });
});

test('a WebSub hub is granted what we asked for, and the lease is told to the broker', () => {
  const topic = 'https://feeds.example.org/a';
  const ask = (mode: string, pending?: string, extra = '') =>
    answer('websub', bare('GET', `/?hub.mode=${mode}&hub.topic=${encodeURIComponent(topic)}&hub.challenge=c${extra}`), {
      params: { topic, ...(pending !== undefined && { pending }) },
    });
  expect(ask('subscribe', 'subscribe', '&hub.lease_seconds=60')).toMatchObject({
    response: { body: 'c' },
    followUp: { kind: 'lease', mode: 'subscribe', leaseSeconds: 60 },
  });
  expect(ask('subscribe')).toMatchObject({ kind: 'handshake' });
  expect(ask('subscribe', 'unsubscribe')).toMatchObject({ kind: 'refused', status: 404 });
  expect(ask('unsubscribe')).toMatchObject({ kind: 'refused', status: 404 });
  expect(ask('unsubscribe', 'unsubscribe')).toMatchObject({ followUp: { kind: 'lease', mode: 'unsubscribe' } });
  expect(ask('denied', 'subscribe', '&hub.reason=no')).toMatchObject({ followUp: { kind: 'revoked', reason: 'no' } });
  expect(ask('other', 'subscribe')).toMatchObject({ kind: 'refused', status: 404 });
});
