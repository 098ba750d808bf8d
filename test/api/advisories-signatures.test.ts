import { generateKeyPairSync, randomBytes, sign as signBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createVerifier, generateSecret, generateSigningKeyPair, parseSecret, sign, verify } from '@hookcast/protocol';
import { receive } from '@hookcast/sources';
import { issueKey, keyBytes } from '../../apps/broker/src/auth/key-format.js';
import { requestOf, sourceOf, type Vector } from '../../libs/sources/src/vectors.js';
import { testBroker, type TestBroker } from '../support/app.js';
import { comparedBytes } from '../support/compared-bytes.js';

/* One test for each published weakness of signature checks that could be ours, named after it. */
let broker: TestBroker;
beforeAll(async () => {
  broker = await testBroker();
});
afterAll(async () => {
  await broker?.close();
});

const folder = new URL('../../libs/sources/vectors/', import.meta.url);
const vectors = readdirSync(folder).flatMap(
  (file) => JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Vector[],
);
const now = new Date('2026-11-18T11:06:40Z');

/** How a request of a sender fares, and what was compared in constant time on the way. */
async function fares(vector: Vector, secrets?: string[]): Promise<{ kind: string; compared: boolean[] }> {
  const source = { ...sourceOf(vector), ...(secrets && { secrets }) };
  const clock = vector.verifyAt === undefined ? now : new Date(vector.verifyAt * 1000);
  let kind = '';
  const compared = await comparedBytes(() => {
    kind = receive(requestOf(vector), source, clock).kind;
  });
  return { kind, compared };
}

test('CVE-2025-13466 (body-parser): a large body costs no style much before its signature is checked', () => {
  const fields = Array.from({ length: 30_000 }, (_, index) => `a${index}=&b=${index}`).join('&');
  const items = JSON.stringify(Array.from({ length: 30_000 }, (_, index) => ({ [`a${index}`]: [index] })));
  const slow: string[] = [];
  const deliveries = vectors.filter(({ kind }) => kind === 'delivery');
  for (const vector of new Map(deliveries.map((one) => [`${one.sender} ${one.scheme}`, one])).values())
    for (const body of [fields, items, `{"a":${items}}`]) {
      const started = performance.now();
      receive({ ...requestOf(vector), body: Buffer.from(body) }, sourceOf(vector), now);
      if (performance.now() - started > 2000) slow.push(`${vector.sender}: ${vector.name}`);
    }
  expect(slow).toEqual([]);
});

const accepted = async (): Promise<{ vector: Vector; compared: boolean[] }[]> => {
  const withSecret = vectors.filter((one) => one.kind === 'delivery' && one.valid && (one.secret ?? '') !== '');
  const all = await Promise.all(withSecret.map(async (vector) => ({ vector, ...(await fares(vector)) })));
  return all.filter(({ kind }) => kind === 'accepted');
};

describe.each([
  'CVE-2022-24912 (Atlantis)',
  'CVE-2022-36885 (Jenkins GitHub)',
  'CVE-2022-43411 (Jenkins GitLab)',
  'CVE-2022-43412 (Jenkins Generic Webhook Trigger)',
  'GHSA-f67f-2j6r-m4c9 (Jenkins)',
  'GHSA-2xpq-5952-38w3 (Jenkins)',
  'GHSA-86j9-25m2-9w97 (Jenkins)',
])('%s: secrets are compared in constant time', () => {
  test('those of every sender that shares one with us: nothing else can say yes', async () => {
    const all = await accepted();
    expect(new Set(all.map(({ vector }) => vector.sender)).size).toBeGreaterThan(30);
    const otherwise = all.filter(({ compared }) => !compared.includes(true)).map(({ vector }) => vector.sender);
    expect(otherwise).toEqual([]);
  });

  test('those of our own signatures', async () => {
    const [secret, other] = [generateSecret(), generateSecret()];
    const parts = { id: 'e', timestamp: Math.floor(Date.now() / 1000), body: Buffer.from('{}') };
    const headers = (by: string) => ({
      'webhook-id': parts.id,
      'webhook-timestamp': String(parts.timestamp),
      'webhook-signature': sign(parts, [parseSecret(by)]),
    });
    const check = createVerifier({ secrets: [secret] });
    for (const by of [secret, other])
      expect(await comparedBytes(() => check({ headers: headers(by), body: parts.body }))).toEqual([by === secret]);
  });

  test('API keys and the cookie of the page', async () => {
    const { key, id } = (
      await broker.call<{ key: string; id: string }>('POST', '/v1/keys', { name: 'k', scopes: ['read'] })
    ).body;
    const use = async (one: string) => broker.call('GET', '/v1/topics', undefined, { authorization: `Bearer ${one}` });
    const wrong = issueKey(randomBytes(keyBytes), id).text;
    expect(await comparedBytes(async () => use(key))).toContain(true);
    const compared = await comparedBytes(async () => expect((await use(wrong)).status).toBe(401));
    expect([compared.length > 0, compared.includes(true)]).toEqual([true, false]);
  });
});

/** The order of the group of Ed25519 (RFC 8032): S and S + L are the same to a check that forgets the bound. */
const groupOrder = 2n ** 252n + 27742317777372353535851937790883648493n;

function plusOrder(signature: Buffer): Buffer {
  const littleEndian = (bytes: Buffer) => Buffer.from([...bytes].toReversed());
  const scalar = BigInt(`0x${littleEndian(signature.subarray(32)).toString('hex')}`) + groupOrder;
  const bytes = littleEndian(Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex'));
  return Buffer.concat([signature.subarray(0, 32), bytes]);
}

test('CVE-2026-33895 (node-forge): a second spelling of a genuine Ed25519 signature is refused', () => {
  const pair = generateSigningKeyPair();
  const parts = { id: 'e', timestamp: Math.floor(Date.now() / 1000), body: Buffer.from('{}') };
  const genuine = Buffer.from(sign(parts, [parseSecret(pair.secret)]).slice('v1a,'.length), 'base64');
  const check = createVerifier({ publicKeys: [pair.publicKey] });
  const verdict = (signature: Buffer) =>
    check({
      headers: {
        'webhook-id': parts.id,
        'webhook-timestamp': String(parts.timestamp),
        'webhook-signature': `v1a,${signature.toString('base64')}`,
      },
      body: parts.body,
    }).kind;
  expect([verdict(genuine), verdict(plusOrder(genuine))]).toEqual(['verified', 'refused']);
});

test('CVE-2026-33895 (node-forge): and so is that of a sender', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex');
  const body = Buffer.from('{"type":2}');
  const timestamp = String(Math.floor(now.getTime() / 1000));
  const genuine = signBytes(null, Buffer.concat([Buffer.from(timestamp), body]), privateKey);
  const verdict = (signature: Buffer) => {
    const headers: [string, string][] = [
      ['content-type', 'application/json'],
      ['x-signature-timestamp', timestamp],
      ['x-signature-ed25519', signature.toString('hex')],
    ];
    return receive(
      { method: 'POST', url: '/', headers, body },
      { sender: 'discord', secrets: [], publicKeys: [raw] },
      now,
    ).kind;
  };
  expect([verdict(genuine), verdict(plusOrder(genuine))]).toEqual(['accepted', 'refused']);
});

test.each(['CVE-2024-21491', 'CVE-2025-53548'])(
  '%s (svix, also RUSTSEC-2024-0010; Clerk): a signature that is empty, cut short or of no known kind is refused',
  () => {
    const headers = { 'webhook-id': 'e', 'webhook-timestamp': String(Math.floor(now.getTime() / 1000)) };
    for (const signature of ['v1,', 'v1', '', 'v1,AA==', 'v0,AA==', 'v1a,', ','])
      expect(
        verify(
          { headers: { ...headers, 'webhook-signature': signature }, body: Buffer.from('{}') },
          { secrets: [generateSecret()] },
          { now },
        ),
      ).toMatchObject({ kind: 'refused' });
  },
);

test('CVE-2026-86080 (n8n): a source without its secret is refused, so that no check can fail open', async () => {
  expect((await broker.call('PUT', '/v1/sources/open', { sender: 'github' })).status).toBe(422);
  expect((await broker.call('GET', '/v1/sources/open')).status).toBe(404);
});
