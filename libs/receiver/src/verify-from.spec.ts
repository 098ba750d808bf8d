import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { sign, type RawRequest } from '@hookcast/sources';
import { SenderRequestError } from './sender-request-error.js';
import { verifyFrom, type SenderOptions } from './verify-from.js';

const now = () => new Date('2026-11-24T12:00:00Z');
const options: SenderOptions = { secrets: ['new secret', 'old secret'], now };
const body = '{ "action": "opened", "number": 12345678901234567890 }';

function fromGitHub(secret = 'new secret'): RawRequest {
  const headers = { 'X-GitHub-Event': 'issues', 'X-GitHub-Delivery': 'guid-1' };
  return sign({ body, headers }, { sender: 'github', secrets: [secret] }, now());
}

const asFetch = ({ method, headers, body: bytes }: RawRequest, url = 'https://api.example.com/github') =>
  new Request(url, { method, headers: headers.map(([name, value]) => [name, value]), body: new Uint8Array(bytes) });

async function refusalOf(received: Promise<unknown>): Promise<SenderRequestError> {
  const error: unknown = await received.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof SenderRequestError)) throw new Error(`no refusal but ${String(error)}`);
  return error;
}

test('a genuine request gives its events with their exact bytes, and the answer', async () => {
  const { kind, items, response } = await verifyFrom('github', fromGitHub(), options);
  expect([kind, response]).toEqual(['delivery', { status: 200, headers: {}, body: '' }]);
  expect(items).toMatchObject([{ deliveryId: 'guid-1', eventType: 'issues.opened' }]);
  expect(items[0]?.data.toString()).toBe(body);
});

test('while secrets rotate, the old one still verifies', async () => {
  expect((await verifyFrom('github', fromGitHub('old secret'), options)).kind).toBe('delivery');
});

test('a Request of the Fetch standard is verified like its parts', async () => {
  const { items } = await verifyFrom('github', asFetch(fromGitHub()), options);
  expect(items[0]?.data.toString()).toBe(body);
});

test.each([
  ['with another secret', fromGitHub('a third'), 'signature-mismatch', 401],
  ['with a changed byte', { ...fromGitHub(), body: Buffer.from(`${body} `) }, 'signature-mismatch', 401],
  ['without a signature', { ...fromGitHub(), headers: [] }, 'missing-signature', 401],
  ['over the limit', { ...fromGitHub(), body: Buffer.alloc(1001) }, 'too-large', 413],
] as const)('a request %s is refused, and the answer does not say why', async (_, request, reason, status) => {
  for (const form of [request, asFetch(request)]) {
    const error = await refusalOf(verifyFrom('github', form, { ...options, maxBodyBytes: 1000 }));
    expect(error).toMatchObject({ reason, status, response: { status, headers: {}, body: '' } });
  }
});

test('a method that the sender does not use is answered with those it does', async () => {
  const error = await refusalOf(verifyFrom('github', { ...fromGitHub(), method: 'PUT' }, options));
  expect(error.response).toEqual({ status: 405, headers: { allow: 'POST' }, body: '' });
});

test('a body that something read before is our fault, so the sender shall try again', async () => {
  const request = asFetch(fromGitHub());
  await request.text();
  expect(await refusalOf(verifyFrom('github', request, options))).toMatchObject({
    reason: 'body-consumed',
    status: 500,
  });
});

test('a handshake is answered and carries no events', async () => {
  const source = { sender: 'slack', secrets: ['shh'] };
  const challenge = sign({ body: '{"type":"url_verification","challenge":"c-1"}' }, source, now());
  expect(await verifyFrom('slack', challenge, { secrets: ['shh'], now })).toMatchObject({
    kind: 'handshake',
    items: [],
    response: { status: 200, body: 'c-1' },
  });
});

test.each([
  ['github', {}],
  ['github', { secrets: [''] }],
  ['github', { secrets: ['a'], scheme: 'md5' }],
  ['trello', { secrets: ['a'] }],
  ['nobody', { secrets: ['a'] }],
])('options with which %s could not be verified are a mistake, not a refusal', async (sender, wrong) => {
  await expect(verifyFrom(sender, fromGitHub(), wrong)).rejects.toThrow(TypeError);
});

test('a configured style is verified too', async () => {
  const params = { header: 'x-signature', algorithm: 'sha256', encoding: 'hex', template: '{body}' };
  const request = sign({ body }, { sender: 'generic', scheme: 'hmac', secrets: ['s'], params }, now());
  const { items } = await verifyFrom('generic', request, { scheme: 'hmac', secrets: ['s'], params, now });
  expect(items).toHaveLength(1);
});

interface Vector {
  valid: boolean;
  kind: string;
  certPem: string;
  url: string;
  headers: Record<string, string>;
  bodyBase64: string;
}

const sns = JSON.parse(
  readFileSync(new URL('../../sources/vectors/aws-sns.json', import.meta.url), 'utf8'),
) as Vector[];
const [notification] = sns.filter(({ kind, valid }) => kind === 'delivery' && valid);

function fromSns(): { request: RawRequest; certPem: string; topicArn: string } {
  if (notification === undefined) throw new Error('no vector');
  const { url, headers, bodyBase64, certPem } = notification;
  const bytes = Buffer.from(bodyBase64, 'base64');
  const { TopicArn: topicArn } = JSON.parse(bytes.toString()) as { TopicArn: string };
  return { request: { method: 'POST', url, headers: Object.entries(headers), body: bytes }, certPem, topicArn };
}

test('a certificate is asked for when the sender signs with one, at a URL its rule allows', async () => {
  const { request, certPem, topicArn } = fromSns();
  const asked: string[] = [];
  const certificate = async (url: string) => (asked.push(url), certPem);
  const { items } = await verifyFrom('aws-sns', request, { params: { topicArn }, certificate });
  expect(items).toHaveLength(1);
  expect(asked).toEqual(['https://sns.eu-north-1.amazonaws.com/SimpleNotificationService-own.pem']);
});

test('without the certificate the sender shall try again', async () => {
  const { request, topicArn } = fromSns();
  const error = await refusalOf(
    verifyFrom('aws-sns', request, { params: { topicArn }, certificate: async () => undefined }),
  );
  expect(error).toMatchObject({ reason: 'certificate-unavailable', status: 503 });
});

test('no certificate is asked for elsewhere', async () => {
  const { request, topicArn } = fromSns();
  const forged = request.body
    .toString()
    .replace('sns.eu-north-1.amazonaws.com', 'sns.eu-north-1.amazonaws.com.evil.example');
  const asked: string[] = [];
  const certificate = async (url: string) => void asked.push(url);
  const bytes = { ...request, body: Buffer.from(forged) };
  const error = await refusalOf(verifyFrom('aws-sns', bytes, { params: { topicArn }, certificate }));
  expect([error.reason, asked]).toEqual(['certificate-url', []]);
});

test('what is signed is the body inside its encoding', async () => {
  const request = fromGitHub();
  const encoded = (encoding: string, bytes: Buffer) =>
    asFetch({ ...request, headers: [...request.headers, ['content-encoding', encoding]], body: bytes });
  const { items } = await verifyFrom('github', encoded('gzip', gzipSync(body)), options);
  expect(items[0]?.data.toString()).toBe(body);
  const wrong = [
    ['compress', Buffer.from(body), 'unsupported-media-type', 415],
    ['gzip', Buffer.from(body), 'body-incomplete', 400],
    ['gzip', gzipSync(Buffer.alloc(2000)), 'too-large', 413],
  ] as const;
  for (const [encoding, bytes, reason, status] of wrong) {
    const limited = { ...options, maxBodyBytes: 1000 };
    expect(await refusalOf(verifyFrom('github', encoded(encoding, bytes), limited))).toMatchObject({ reason, status });
  }
});
