import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import net, { type AddressInfo, type Socket } from 'node:net';
import { requestOf, type Vector } from '../../libs/sources/src/vectors.js';
import { testBroker, type TestBroker } from '../support/app.js';
import { createAuthority } from '../support/certificates.js';
import { until } from '../support/until.js';

const awsHost = 'sns.eu-north-1.amazonaws.com';
const topicArn = 'arn:aws:sns:eu-north-1:000000000000:own';
const vectors = JSON.parse(
  readFileSync(new URL('../../libs/sources/vectors/aws-sns.json', import.meta.url), 'utf8'),
) as Vector[];
const vector = (name: string): Vector => {
  const found = vectors.find((one) => one.name === name);
  if (!found) throw new Error(`no vector ${name}`);
  return found;
};

/** AWS as far as this test needs it: a TLS server for its host name, behind a proxy that leads everything there. */
async function amazon() {
  const authority = createAuthority();
  const requests: string[] = [];
  let isAway = false;
  const { cert, key } = authority.issue({ names: [awsHost] });
  const server = https.createServer({ cert, key }, (request, response) => {
    requests.push(request.url ?? '');
    const isCertificate = request.url?.endsWith('.pem') === true;
    response
      .writeHead(isAway ? 500 : 200)
      .end(isCertificate ? vector('own: Notification v2 without Subject').certPem : '');
  });
  const sockets = new Set<Socket>();
  const proxy = http.createServer().on('connect', (_: IncomingMessage, near: Socket) => {
    const { port } = server.address() as AddressInfo;
    const far = net.connect(port, '127.0.0.1', () => near.write('HTTP/1.1 200 Connection established\r\n\r\n'));
    for (const socket of [near, far]) sockets.add(socket.on('error', () => undefined));
    near.pipe(far).pipe(near);
  });
  for (const one of [server, proxy]) {
    one.listen(0, '127.0.0.1');
    await once(one, 'listening');
  }
  return {
    ca: authority.cert,
    proxy: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    requests,
    setAway: (away: boolean) => {
      isAway = away;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      proxy.close();
    },
  };
}

const start = new Date('2026-11-18T11:07:00Z');
let now = start;
let broker: TestBroker;
let aws: Awaited<ReturnType<typeof amazon>>;

beforeAll(async () => {
  aws = await amazon();
  broker = await testBroker({
    clock: { now: () => now },
    // The broker as it is, behind a proxy that leads to this test's AWS.
    settings: { HOOKCAST_EGRESS_PROXY: aws.proxy, HOOKCAST_EGRESS_PROXY_RESOLVES: 'proxy' },
    sendersTls: { ca: aws.ca },
  });
});
afterAll(async () => {
  await broker?.close();
  await aws?.close();
});

async function source(name: string, body: object): Promise<string> {
  const put = await broker.call<{ url: string }>('PUT', `/v1/sources/${name}`, body);
  if (put.status !== 201) throw new Error(`PUT answered ${put.status}: ${put.text}`);
  return `${broker.url}${new URL(put.body.url).pathname}`;
}

async function deliver(url: string, of: Vector): Promise<{ status: number; retryAfter: string | null }> {
  const { headers, body } = requestOf(of);
  const response = await fetch(url, {
    method: 'POST',
    headers: headers.map(([name, value]): [string, string] => [name, value]),
    body: new Uint8Array(body),
  });
  await response.arrayBuffer();
  return { status: response.status, retryAfter: response.headers.get('retry-after') };
}

test('a certificate is fetched once, through egress, and kept for a day', async () => {
  const url = await source('sns.cert', { sender: 'aws-sns', topic: 'sns', options: { topicArn } });
  const first = vector('own: Notification v2 without Subject');
  // Away first: that is no fault of the sender, who is asked to come again.
  aws.setAway(true);
  expect(await deliver(url, first)).toEqual({ status: 503, retryAfter: '5' });
  aws.setAway(false);
  now = new Date(start.getTime() + 60_000);
  expect((await deliver(url, first)).status).toBe(200);
  now = new Date(start.getTime() + 120_000);
  aws.requests.length = 0;
  expect((await deliver(url, vector('own: Notification v1 with Subject'))).status).toBe(200);
  expect(aws.requests).toEqual([]);
  const events = await broker.call<{ items: unknown[] }>('GET', '/v1/topics/sns/events');
  expect(events.body.items).toHaveLength(1);
  const history = await broker.call<{ items: { verdict: string; reason: string | null }[] }>(
    'GET',
    '/v1/sources/sns.cert/receptions',
  );
  expect(history.body.items.map(({ verdict, reason }) => [verdict, reason])).toEqual([
    // The same MessageId: a redelivery, whatever it says.
    ['duplicate', null],
    ['accepted', null],
    ['failed', 'certificate-unavailable'],
  ]);
});

test('CVE-2026-42193 (Plunk): a message signed by another host is refused, and its certificate never fetched', async () => {
  const url = await source('sns.forged', { sender: 'aws-sns', options: { topicArn } });
  aws.requests.length = 0;
  const forged = vector('own: Notification v2 without Subject');
  const text = Buffer.from(forged.bodyBase64, 'base64')
    .toString()
    .replace(awsHost, 'sns.eu-north-1.amazonaws.com.evil.example');
  const evil = { ...forged, bodyBase64: Buffer.from(text).toString('base64') };
  expect((await deliver(url, evil)).status).toBe(401);
  expect(aws.requests).toEqual([]);
});

/** With another text in place of one, which no signature covers any more. */
function tampered(original: Vector, from: string | RegExp, to: string): Vector {
  const text = Buffer.from(original.bodyBase64, 'base64').toString();
  expect(text.replace(from, to)).not.toBe(text);
  return { ...original, bodyBase64: Buffer.from(text.replace(from, to)).toString('base64') };
}

test('CVE-2026-42193 (Plunk): a message that is not signed, or not by this, is refused', async () => {
  const url = await source('sns.unsigned', { sender: 'aws-sns', topic: 'sns.unsigned', options: { topicArn } });
  const genuine = vector('own: Notification v2 without Subject');
  for (const forged of [
    tampered(genuine, /"Signature"\s*:\s*"[^"]*"/, '"Signature":""'),
    tampered(genuine, /"Signature"\s*:\s*"[^"]*",?/, ''),
    tampered(genuine, /"Signature"\s*:\s*"[^"]*"/, `"Signature":"${Buffer.alloc(256).toString('base64')}"`),
    tampered(genuine, /"Message"\s*:\s*"/, '"Message":"forged '),
  ])
    expect((await deliver(url, forged)).status).toBe(401);
  expect((await broker.call('GET', '/v1/topics/sns.unsigned')).status).toBe(404);
});

test('CVE-2026-32096 (Plunk): the SubscribeURL of a confirmation that is not signed is never fetched', async () => {
  const url = await source('sns.lured', { sender: 'aws-sns', options: { topicArn } });
  const genuine = vector('own: SubscriptionConfirmation v2');
  aws.requests.length = 0;
  for (const address of [
    `https://${awsHost}/lured`,
    'http://169.254.169.254/',
    'http://127.0.0.1/',
    'file:///etc/passwd',
  ])
    expect(
      (await deliver(url, tampered(genuine, /"SubscribeURL"\s*:\s*"[^"]*"/, `"SubscribeURL":"${address}"`))).status,
    ).toBe(401);
  expect(aws.requests.filter((path) => !path.endsWith('.pem'))).toEqual([]);
});

test('the confirmation of an SNS subscription is fetched after the answer', async () => {
  const url = await source('sns.confirm', { sender: 'aws-sns', topic: 'sns.confirm', options: { topicArn } });
  aws.requests.length = 0;
  expect((await deliver(url, vector('own: SubscriptionConfirmation v2'))).status).toBe(200);
  await until(() => aws.requests.includes('/?Action=ConfirmSubscription&Token=owntoken'));
  await until(() => broker.lines.some((line) => line.includes('source.confirmed') && line.includes('sns.confirm')));
  expect(broker.lines.join('\n')).not.toContain('owntoken');
});

test('a subscription to another topic is not confirmed', async () => {
  const options = { topicArn: 'arn:aws:sns:eu-north-1:000000000000:other' };
  const url = await source('sns.other', { sender: 'aws-sns', options });
  aws.requests.length = 0;
  expect((await deliver(url, vector('own: SubscriptionConfirmation v2'))).status).toBe(404);
  expect(aws.requests.filter((path) => path.includes('ConfirmSubscription'))).toEqual([]);
});

describe('a subscription that the sender revokes', () => {
  const secret = 'twitch-secret-of-this-test';

  async function twitch(url: string, type: string, id: string): Promise<number> {
    const body = JSON.stringify({
      challenge: 'prove-it',
      subscription: { type: 'channel.follow', status: 'authorization_revoked' },
    });
    const timestamp = now.toISOString();
    const signature = createHmac('sha256', secret).update(`${id}${timestamp}${body}`).digest('hex');
    const response = await fetch(url, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/json',
        'twitch-eventsub-message-id': id,
        'twitch-eventsub-message-timestamp': timestamp,
        'twitch-eventsub-message-signature': `sha256=${signature}`,
        'twitch-eventsub-message-type': type,
        'twitch-eventsub-subscription-type': 'channel.follow',
      },
    });
    await response.arrayBuffer();
    return response.status;
  }

  const state = async () => (await broker.call<{ state: string }>('GET', '/v1/sources/tv')).body;

  test('is shown until the sender shakes hands again', async () => {
    const url = await source('tv', { sender: 'twitch', secret });
    expect(await twitch(url, 'revocation', 'm1')).toBe(200);
    await until(async () => (await state()).state === 'revoked');
    expect(await state()).toMatchObject({ state: 'revoked', stateReason: expect.any(String) });
    expect(await twitch(url, 'webhook_callback_verification', 'm2')).toBe(200);
    await until(async () => (await state()).state === 'active');
  });
});
