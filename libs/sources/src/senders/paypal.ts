import { createVerify, type X509Certificate } from 'node:crypto';
import { certificatesIn, commonName, isTrusted, isValidAt } from '../certificate.js';
import { crc32 } from '../crc32.js';
import { decodeCanonical } from '../encoding.js';
import { field, time } from '../extract.js';
import { type Inbound } from '../inbound.js';
import { refused, type Refusal, type Refused, type SourceConfig } from '../reception.js';
import { type CodeScheme } from '../scheme.js';
import { type Sender } from '../sender.js';
import { setting } from '../settings.js';

const scheme: CodeScheme = {
  kind: 'code',
  needs: ['certificate'],
  describes:
    '`PAYPAL-TRANSMISSION-SIG`: base64 RSA-SHA256 over `id|time|webhook id|CRC-32 of the body`, with the certificate at ' +
    '`PAYPAL-CERT-URL` (host, name, dates and chain are checked)',
  verify: (request, source, now) => {
    const reason = check(request, source, now);
    return reason && (typeof reason === 'string' ? refused(reason) : reason);
  },
};

export const paypal: Sender = {
  name: 'paypal',
  title: 'PayPal',
  documentation: 'https://developer.paypal.com/api/rest/webhooks/rest/#link-messagesignature',
  schemes: { paypal: scheme },
  params: {
    webhookId: { describes: 'the id PayPal gave this webhook; it is signed', required: true },
    caPem: { describes: 'PEM certificates that the signing certificate must chain up to, instead of the public roots' },
  },
  event: {
    type: field('event_type'),
    id: field('id'),
    time: time(field('create_time'), 'iso'),
    subject: field('resource/id'),
  },
  retries: 'up to 25 within 3 days',
};

function check(request: Inbound, source: SourceConfig, now: Date): Refusal | Refused | undefined {
  const webhookId = setting(source, 'webhookId');
  if (webhookId === '') return 'no-secret';
  const headers = readHeaders(request);
  if ('kind' in headers) return headers;
  if (headers['auth-algo'] !== 'SHA256withRSA') return 'algorithm';
  const signature = decodeCanonical(headers['transmission-sig'], 'base64');
  if (signature === undefined) return 'malformed-signature';
  const leaf = signingCertificate(headers['cert-url'], source, now);
  if (typeof leaf === 'string') return leaf;
  const text = [headers['transmission-id'], headers['transmission-time'], webhookId, crc32(request.body)].join('|');
  return isSignedBy(leaf, text, signature) ? undefined : 'signature-mismatch';
}

const headerNames = ['transmission-sig', 'transmission-id', 'transmission-time', 'cert-url', 'auth-algo'] as const;
type Headers = Record<(typeof headerNames)[number], string>;

function readHeaders(request: Inbound): Headers | Refused {
  const headers: Headers = {
    'transmission-sig': '',
    'transmission-id': '',
    'transmission-time': '',
    'cert-url': '',
    'auth-algo': '',
  };
  for (const name of headerNames) {
    const lookup = request.header(`paypal-${name}`);
    if (lookup.kind === 'repeated') return refused('repeated-header');
    if (lookup.kind === 'missing') return refused(name === 'transmission-sig' ? 'missing-signature' : 'missing-header');
    headers[name] = lookup.value;
  }
  return headers;
}

/** Whoever chooses the certificate chooses the key, and makes us fetch it: the parsed host decides, on one path. */
function isCertificateUrl(text: string): boolean {
  // The parser repairs much; what it had to repair is not a URL that PayPal wrote.
  if (!URL.canParse(text) || new URL(text).href !== text) return false;
  const { protocol, hostname, port, username, password, pathname } = new URL(text);
  const isPaypal = hostname === 'paypal.com' || hostname.endsWith('.paypal.com');
  const plain = port === '' && username === '' && password === '';
  return protocol === 'https:' && isPaypal && plain && pathname.startsWith('/v1/notifications/');
}

const signerName = /^messageverificationcerts\.(?:[a-z0-9-]+\.)*paypal\.com$/i;

function signingCertificate(url: string, source: SourceConfig, now: Date): X509Certificate | Refusal {
  if (!isCertificateUrl(url)) return 'certificate-url';
  const chain = certificatesIn(source.certificate?.(url) ?? '');
  const [leaf] = chain;
  if (leaf === undefined) return 'certificate-unavailable';
  if (!signerName.test(commonName(leaf) ?? '')) return 'certificate-name';
  if (!isValidAt(leaf, now)) return 'certificate-dates';
  return leadsToTrust(chain, source, now) ? leaf : 'certificate-untrusted';
}

/** Without roots the host, which the fetch authenticated, is all the trust there is; the broker always passes them. */
function leadsToTrust(chain: readonly X509Certificate[], source: SourceConfig, now: Date): boolean {
  const pems = [setting(source, 'caPem'), ...(source.trustedCertificates ?? [])].filter((pem) => pem !== '');
  return pems.length === 0 || isTrusted(chain, pems.flatMap(certificatesIn), now);
}

function isSignedBy(leaf: X509Certificate, text: string, signature: Buffer): boolean {
  const key = leaf.publicKey;
  return key.asymmetricKeyType === 'rsa' && createVerify('RSA-SHA256').update(text).verify(key, signature);
}
