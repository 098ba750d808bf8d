import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { sign, verify, type RawRequest, type SourceConfig } from '@hookcast/sources';
import { requestOf, sourceOf, type Vector } from '../../libs/sources/src/vectors.js';
import { oracles, type Oracle } from './oracles.js';
import { VendorRequest } from './vendor.js';

interface SharedVector extends Vector {
  /** The library lets it through, and we do not: it checks no timestamp, or not into the future. */
  stricterThanVendorLibrary?: boolean;
}

const folder = new URL('../../libs/sources/vectors/', import.meta.url);
const deliveries = readdirSync(folder)
  .flatMap((file) => JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as SharedVector[])
  .filter(({ kind }) => kind === 'delivery');
const now = new Date('2026-11-18T11:06:40Z');

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now });
});
afterEach(() => {
  vi.useRealTimers();
});

const readable = (oracle: Oracle, raw: RawRequest, source: SourceConfig): boolean =>
  oracle.canRead?.(new VendorRequest(raw, source)) ?? true;

async function verdicts(oracle: Oracle, raw: RawRequest, source: SourceConfig) {
  const theirs = await oracle.verify(new VendorRequest(raw, source));
  return { ours: verify(raw, source, new Date()) === undefined, theirs };
}

const cases = oracles.flatMap((oracle) =>
  deliveries
    .filter(({ sender, scheme }) => oracle.sender === sender && oracle.schemes.includes(scheme))
    .map((vector) => ({ oracle, vector, library: oracle.library, name: vector.name }))
    .filter(({ vector }) => readable(oracle, requestOf(vector), sourceOf(vector))),
);

test('every scheme that has an oracle has valid and invalid vectors for it', () => {
  const kinds = oracles.flatMap(({ sender, schemes }) =>
    schemes.map((scheme) => cases.filter(({ vector: v }) => v.sender === sender && v.scheme === scheme)),
  );
  for (const found of kinds) expect(new Set(found.map(({ vector }) => vector.valid))).toEqual(new Set([true, false]));
});

test.each(cases)('$library and we agree on "$name"', async ({ oracle, vector }) => {
  if (vector.verifyAt !== undefined) vi.setSystemTime(vector.verifyAt * 1000);
  const { valid, stricterThanVendorLibrary = false } = vector;
  const expected = { ours: valid, theirs: valid || stricterThanVendorLibrary };
  expect(await verdicts(oracle, requestOf(vector), sourceOf(vector))).toEqual(expected);
});

const secrets: Record<string, string> = {
  svix: `whsec_${Buffer.alloc(24, 7).toString('base64')}`,
  'standard-webhooks': `whsec_${Buffer.alloc(32, 8).toString('base64')}`,
  gitlab: `whsec_${Buffer.alloc(32, 9).toString('base64')}`,
  adyen: '44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056',
};

const sourceFor = ({ sender }: Oracle, scheme: string): SourceConfig => ({
  sender,
  scheme,
  secrets: [secrets[sender] ?? 'It’s a secret, not plain ASCII'],
  callbackUrl: 'https://hooks.example.org/in/one?tenant=a',
  params: sender === 'pusher' ? { key: 'app-key' } : {},
});

/** Only the sender has the private key of these. */
const asymmetric = new Set(['sendgrid', 'discord', 'aws-sns']);
const symmetric = oracles
  .filter(({ sender }) => !asymmetric.has(sender))
  .flatMap((oracle) => oracle.schemes.map((scheme) => ({ oracle, scheme, library: oracle.library })));
const signing = symmetric.filter(({ oracle }) => oracle.sign !== undefined);

const adyenItem = (reference: string) => ({
  additionalData: {},
  pspReference: reference,
  merchantAccountCode: 'Shop',
  merchantReference: 'order\\1:2',
  amount: { value: 1130, currency: 'EUR' },
  eventCode: 'AUTHORISATION',
  success: 'true',
});

/** A body as the scheme's sender would send it, with text that a careless reader would change. */
function bodyFor(scheme: string, text: string): string {
  if (scheme === 'twilio') return new URLSearchParams({ Body: text, AccountSid: 'AC1', From: '+49 30' }).toString();
  if (scheme === 'linear') return JSON.stringify({ type: 'Issue', webhookTimestamp: Date.now(), text });
  if (scheme === 'adyen-payments')
    return JSON.stringify({ notificationItems: [{ NotificationRequestItem: adyenItem(`psp ${text}`) }] });
  return JSON.stringify({ text }, undefined, 2);
}

function ownRequest(source: SourceConfig, text: string): RawRequest {
  const isForm = source.scheme === 'twilio';
  const headers: Record<string, string> = isForm ? { 'content-type': 'application/x-www-form-urlencoded' } : {};
  return sign({ body: bodyFor(source.scheme ?? '', text), headers }, source, new Date());
}

const texts = fc.string({ unit: 'grapheme', maxLength: 40 });

test.each(symmetric)('$library accepts what we sign with $scheme', async ({ oracle, scheme }) => {
  const source = sourceFor(oracle, scheme);
  await fc.assert(
    fc.asyncProperty(texts, async (text) => {
      expect(await verdicts(oracle, ownRequest(source, text), source)).toEqual({ ours: true, theirs: true });
    }),
    { numRuns: 25 },
  );
});

test.each(signing)('we accept what $library signs for $scheme', async ({ oracle, scheme }) => {
  const source = sourceFor(oracle, scheme);
  await fc.assert(
    fc.asyncProperty(texts, async (text) => {
      const body = Buffer.from(bodyFor(scheme, text));
      const unsigned: RawRequest = { method: 'POST', url: source.callbackUrl ?? '/', headers: [], body };
      const headers = Object.entries((await oracle.sign?.(new VendorRequest(unsigned, source), new Date())) ?? {});
      expect(verify({ ...unsigned, headers }, source, new Date())).toBeUndefined();
    }),
    { numRuns: 25 },
  );
});

/** The request with one byte of the body, or one character of a header value, replaced. */
function damaged(request: RawRequest, at: number, mask: number): RawRequest {
  const place = at % (request.body.length + request.headers.length);
  if (place < request.body.length) {
    const body = Buffer.from(request.body);
    body[place] = (body[place] ?? 0) ^ mask;
    return { ...request, body };
  }
  const headers = request.headers.map(([name, value], index): [string, string] =>
    index === place - request.body.length ? [name, flipped(value, at % value.length)] : [name, value],
  );
  return { ...request, headers };
}

const flipped = (text: string, at: number): string =>
  `${text.slice(0, at)}${text[at] === '1' ? '2' : '1'}${text.slice(at + 1)}`;

test.each(symmetric)('what we accept of damaged $scheme requests, $library accepts', async ({ oracle, scheme }) => {
  const source = sourceFor(oracle, scheme);
  await fc.assert(
    fc.asyncProperty(texts, fc.nat(), fc.integer({ min: 1, max: 255 }), async (text, at, mask) => {
      const request = damaged(ownRequest(source, text), at, mask);
      if (verify(request, source, new Date()) !== undefined) return;
      expect(await verdicts(oracle, request, source)).toEqual({ ours: true, theirs: true });
    }),
    { numRuns: 60 },
  );
});
