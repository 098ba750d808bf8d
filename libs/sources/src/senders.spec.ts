import { readdirSync, readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { Inbound } from './inbound.js';
import { receive } from './receive.js';
import { type RawRequest, type SourceConfig } from './reception.js';
import { type SignatureScheme } from './scheme.js';
import { styleOf } from './style.js';
import { requestOf, sourceOf, type Vector } from './vectors.js';

/** Real deliveries to take apart: every valid one of the vectors. */
const folder = new URL('../vectors/', import.meta.url);
const deliveries = readdirSync(folder)
  .flatMap((file) => JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Vector[])
  .filter(({ kind, valid, name }) => kind === 'delivery' && valid && !name.includes('probe'))
  .map((vector) => {
    const source = sourceOf(vector);
    const style = styleOf(source);
    if (style === undefined) throw new Error(`No style for ${vector.name}`);
    const now = new Date((vector.verifyAt ?? 1_795_000_000) * 1000);
    return {
      title: `${vector.sender} ${vector.scheme} ${vector.name}`,
      request: requestOf(vector),
      source,
      style,
      now,
    };
  });
type Delivery = (typeof deliveries)[number];

const signed = deliveries.flatMap((delivery) =>
  delivery.style.scheme.kind === 'signature' ? [{ ...delivery, scheme: delivery.style.scheme }] : [],
);

/** Signatures over fields of the body instead of its bytes: spelling may change, what they mean may not. */
const signsFields = new Set(['adyen-payments', 'aws-sns']);
const bytesAreSigned = ({ style }: Delivery) =>
  style.scheme.kind === 'signature' ||
  ['paypal', 'twilio', 'mandrill'].includes(style.schemeName) ||
  signsFields.has(style.schemeName);

const outcome = ({ request, source, now }: Pick<Delivery, 'request' | 'source' | 'now'>) => {
  const reception = receive(request, source, now);
  return reception.kind === 'refused' ? reception.reason : 'genuine';
};
const flip = (bytes: Buffer, at: number, mask: number) => {
  const changed = Buffer.from(bytes);
  changed[at] = (changed[at] ?? 0) ^ mask;
  return changed;
};
const withHeaders = (request: RawRequest, change: (name: string, value: string) => [string, string][]): RawRequest => ({
  ...request,
  headers: request.headers.flatMap(([name, value]) => change(name, value)),
});
const without = (request: RawRequest, header: string) =>
  withHeaders(request, (name, value) => (name === header ? [] : [[name, value]]));

/** Headers without which the delivery is refused, besides those that say how to read the body. */
const securityHeaders = (delivery: Delivery) =>
  delivery.request.headers
    .map(([name]) => name)
    .filter((name) => !/^(content-type|ce-.*)$/i.test(name))
    .filter((name) => outcome({ ...delivery, request: without(delivery.request, name) }) !== 'genuine');

/** What a signature over fields stands for: the texts a reader would take out of the body. */
function meaning({ style }: Delivery, body: Buffer): unknown {
  const request = new Inbound({ method: 'POST', url: '/', headers: [], body });
  const text = JSON.stringify(request.document ?? null);
  const names = style.schemeName === 'aws-sns' ? snsFields : adyenFields;
  return names.map((name) =>
    [...text.matchAll(new RegExp(`"${name}":("(?:[^"\\\\]|\\\\.)*"|[^,}]*)`, 'g'))].map(String),
  );
}
const snsFields = ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type', 'SubscribeURL', 'Token'];
const adyenFields = [
  'pspReference',
  'originalReference',
  'merchantReference',
  'value',
  'currency',
  'eventCode',
  'success',
];

test('there are deliveries of all 44 schemes to take apart', () => {
  expect(new Set(deliveries.map(({ style }) => style.schemeName)).size).toBeGreaterThanOrEqual(44);
});

test.each(deliveries.filter(bytesAreSigned))('no single-byte change of the body verifies: $title', (delivery) => {
  const { body } = delivery.request;
  fc.assert(
    fc.property(fc.nat({ max: Math.max(body.length - 1, 0) }), fc.integer({ min: 1, max: 255 }), (at, mask) => {
      const changed = body.length === 0 ? Buffer.of(mask) : flip(body, at, mask);
      const isGenuine = outcome({ ...delivery, request: { ...delivery.request, body: changed } }) === 'genuine';
      const isMeantAlike =
        signsFields.has(delivery.style.schemeName) &&
        isDeepStrictEqual(meaning(delivery, changed), meaning(delivery, body));
      expect(isGenuine && !isMeantAlike).toBe(false);
    }),
    { numRuns: 150 },
  );
});

test.each(deliveries.filter(bytesAreSigned))('no byte can be added to or cut from the body: $title', (delivery) => {
  const { body } = delivery.request;
  for (const changed of [Buffer.concat([body, Buffer.of(0x7d)]), body.subarray(0, -1), Buffer.concat([body, body])]) {
    if (changed.equals(body)) continue;
    expect(outcome({ ...delivery, request: { ...delivery.request, body: changed } })).not.toBe('genuine');
  }
});

test.each(deliveries)('no single-character change of a security header verifies: $title', (delivery) => {
  for (const header of securityHeaders(delivery)) {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 127 }), (position, mask) => {
        const request = withHeaders(delivery.request, (name, value) => {
          if (name !== header) return [[name, value]];
          return [[name, flip(Buffer.from(value), position % value.length, mask).toString()]];
        });
        const changed = outcome({ ...delivery, request });
        expect(changed === 'genuine' && !isHarmless(delivery, header, position)).toBe(false);
      }),
      { numRuns: 60 },
    );
  }
});

/** Other signatures in a list, and the name of an authentication scheme in either case, carry nothing. */
function isHarmless({ request, style }: Delivery, header: string, position: number): boolean {
  const value = request.headers.find(([name]) => name === header)?.[1] ?? '';
  const at = position % value.length;
  const { scheme } = style;
  if (scheme.kind === 'signature') return scheme.separator !== undefined && value.includes(scheme.separator);
  // Another URL of the sender's: which certificate lies there is for the fetch to find out.
  if (style.schemeName === 'paypal') return header === 'PAYPAL-CERT-URL' && at >= 'https://'.length;
  return scheme.kind === 'token' && at < value.indexOf(' ');
}

test.each(deliveries)('a missing and a doubled security header are refused: $title', (delivery) => {
  const headers = securityHeaders(delivery);
  expect(delivery.style.scheme.kind === 'signature' && headers.length === 0).toBe(false);
  for (const header of headers) {
    const doubled = withHeaders(delivery.request, (name, value) => {
      const pair: [string, string] = [name, value];
      return name === header ? [pair, pair] : [pair];
    });
    const reception = receive(doubled, delivery.source, delivery.now);
    const status = delivery.style.sender.refuseWith ?? 400;
    expect(reception).toMatchObject({ kind: 'refused', status, reason: 'repeated-header' });
  }
});

const withSecrets = (source: SourceConfig, secrets: string[]): SourceConfig => ({ ...source, secrets });
const secret = deliveries.filter(({ source }) => source.secrets.length > 0);
const otherSecret = (text: string) => {
  const at = text.startsWith('whsec_') ? 'whsec_'.length : 0;
  return `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`;
};

test.each(secret)('a wrong secret is refused, and none at all fails closed: $title', (delivery) => {
  const [right = ''] = delivery.source.secrets;
  const wrong = otherSecret(right);
  expect(outcome({ ...delivery, source: withSecrets(delivery.source, [wrong]) })).not.toBe('genuine');
  for (const none of [[], ['']]) {
    expect(receive(delivery.request, withSecrets(delivery.source, none), delivery.now)).toMatchObject({
      kind: 'refused',
      status: 401,
      reason: 'no-secret',
    });
  }
});

test.each(secret)('any of several secrets may have signed: $title', (delivery) => {
  const [right = ''] = delivery.source.secrets;
  const wrong = otherSecret(right);
  expect(outcome({ ...delivery, source: withSecrets(delivery.source, [wrong, right]) })).toBe('genuine');
  expect(outcome({ ...delivery, source: withSecrets(delivery.source, [right, wrong]) })).toBe('genuine');
});

const timed = signed.flatMap((delivery) => {
  const tolerance = delivery.scheme.timestamp?.toleranceSeconds;
  return tolerance === undefined ? [] : [{ ...delivery, tolerance }];
});

test.each(timed)('a stale and a future timestamp are refused: $title', (delivery) => {
  const at = (seconds: number) => outcome({ ...delivery, now: new Date(delivery.now.getTime() + seconds * 1000) });
  expect(at(delivery.tolerance - 2)).toBe('genuine');
  expect(at(2 - delivery.tolerance)).toBe('genuine');
  expect(at(delivery.tolerance + 2)).toBe('too-old');
  expect(at(-delivery.tolerance - 2)).toBe('too-new');
});

const timestampHeader = (scheme: SignatureScheme) =>
  scheme.timestamp !== undefined && 'header' in scheme.timestamp.from ? scheme.timestamp.from.header : undefined;
const inHeader = signed.filter(({ scheme }) => timestampHeader(scheme)?.includes('*') === false);

test.each(inHeader)('a timestamp in another spelling is refused: $title', (delivery) => {
  for (const respell of [
    (t: string) => ` ${t}`,
    (t: string) => `${t}.0`,
    (t: string) => `+${t}`,
    () => 'now',
    () => '',
  ]) {
    const request = withHeaders(delivery.request, (name, value) => [
      [name, name.toLowerCase() === timestampHeader(delivery.scheme) ? respell(value) : value],
    ]);
    expect(outcome({ ...delivery, request })).not.toBe('genuine');
  }
});

test.each(signed)('a signature in another encoding is refused: $title', (delivery) => {
  for (const form of delivery.scheme.forms) {
    const encoded = new RegExp(`${form.prefix}([A-Za-z0-9+/=]+)`, 'g');
    const respell = (write: (bytes: Buffer, text: string) => string) =>
      withHeaders(delivery.request, (name, value) => {
        const isSignature = name.toLowerCase().endsWith(delivery.scheme.header.replace('*', ''));
        const rewrite = (_: string, text: string) => form.prefix + write(Buffer.from(text, form.encoding), text);
        return [[name, isSignature ? value.replace(encoded, rewrite) : value]];
      });
    const spellings = [
      respell((bytes) => bytes.toString(form.encoding === 'hex' ? 'base64' : 'hex')),
      respell((_, text) => (form.encoding === 'hex' ? text.toUpperCase() : text.replace(/=+$/, ''))),
      respell((_, text) => `${text} `),
      respell((_, text) => `${text}=`),
      respell((bytes) => bytes.toString('latin1')),
    ];
    // Spaces separate the signatures of a list, so one more changes nothing there.
    const kept = [delivery.request, ...(delivery.scheme.separator === ' ' ? [spellings[2]] : [])].map(headersText);
    const verified = spellings.filter((request) => outcome({ ...delivery, request }) === 'genuine');
    expect(verified.map(headersText).filter((text) => !kept.includes(text))).toEqual([]);
  }
});

function headersText(request: RawRequest | undefined): string {
  return JSON.stringify(request?.headers);
}
