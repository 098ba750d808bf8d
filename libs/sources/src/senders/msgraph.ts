import { constants, createDecipheriv, createHmac, createPrivateKey, privateDecrypt, type KeyObject } from 'node:crypto';
import { decodeCanonical, sameBytes, sameSecret } from '../encoding.js';
import { extended, field, fieldText, fieldValue, firstOf, joined, prefixed } from '../extract.js';
import { echo } from '../handshakes.js';
import { Inbound, parseJson } from '../inbound.js';
import { batchElements } from '../items.js';
import { hasRepeatedNames } from '../json-elements.js';
import { refused, type RawRequest, type Refusal, type SourceConfig } from '../reception.js';
import { type CodeScheme } from '../scheme.js';
import { type Sender } from '../sender.js';
import { secretsOf, setting } from '../settings.js';

const batch = 'value';

const clientState: CodeScheme = {
  kind: 'code',
  needs: ['secrets'],
  describes: '`clientState` in every item equals the secret',
  verify: (request, source) => {
    const reason = checkItems(request, source, () => undefined);
    return reason && refused(reason);
  },
  sign,
};

const encrypted: CodeScheme = {
  kind: 'code',
  needs: ['secrets'],
  describes:
    '`clientState` in every item equals the secret, and `encryptedContent` carries the HMAC-SHA256 of its data under the ' +
    'key that is wrapped for our certificate',
  verify: (request, source) => {
    const reason = checkItems(request, source, (item) => checkContent(item, source));
    return reason && refused(reason);
  },
};

export const msgraph: Sender = {
  name: 'msgraph',
  title: 'Microsoft Graph change notifications',
  documentation: 'https://learn.microsoft.com/graph/change-notifications-delivery-webhooks',
  schemes: { 'msgraph-clientstate': clientState, 'msgraph-encrypted': encrypted },
  params: {
    certificateId: { describes: 'refuse content encrypted for another certificate', schemes: ['msgraph-encrypted'] },
    privateKeyPem: {
      describes: 'the private key of the encryption certificate, PEM',
      required: true,
      schemes: ['msgraph-encrypted'],
      check: (value) => (privateKey(value) === undefined ? 'must be a private RSA key in PEM' : undefined),
    },
  },
  unsigned: [
    {
      methods: ['POST'],
      describes: '`POST ?validationToken=…` → 200 with the decoded token as `text/plain`, `nosniff`',
      answer: (request) =>
        request.query.has('validationToken') ? echo(request.queryText('validationToken')) : undefined,
    },
  ],
  batch,
  event: {
    type: firstOf(prefixed('lifecycle.', field('lifecycleEvent')), field('changeType')),
    id: field('id'),
    composite: joined(
      ':',
      extended(':', field('subscriptionId'), field('resource'), field('changeType')),
      field('resourceData/@odata.etag'),
    ),
    subject: field('resource'),
    // Without id and etag a second change looks like the first: rather one too many than one too few.
    hashSeconds: 10,
  },
  followUp: (request) =>
    fieldText(request.document, 'value/0/lifecycleEvent') === 'subscriptionRemoved'
      ? { kind: 'revoked', reason: 'subscriptionRemoved' }
      : undefined,
  answerWithin: 10,
  retries: 'for about 4 h',
};

/** All items or none: one forged item spoils the request. */
function checkItems(
  request: Inbound,
  source: SourceConfig,
  further: (item: unknown) => Refusal | undefined,
): Refusal | undefined {
  const secrets = secretsOf(source);
  if (secrets.length === 0) return 'no-secret';
  const elements = batchElements(batch, request);
  if (elements === undefined || elements.length === 0) return 'missing-signature';
  if (hasRepeatedNames(request.body)) return 'malformed-body';
  for (const element of elements) {
    const item = parseJson(element);
    const state = fieldText(item, 'clientState');
    if (state === undefined) return 'missing-signature';
    if (secrets.filter((secret) => sameSecret(secret, state)).length === 0) return 'signature-mismatch';
    const reason = further(item);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function checkContent(item: unknown, source: SourceConfig): Refusal | undefined {
  const content = fieldValue(item, 'encryptedContent');
  const ours = setting(source, 'certificateId');
  if (ours !== '' && ours !== fieldText(content, 'encryptionCertificateId')) return 'unknown-key';
  const data = decodedField(content, 'data');
  const signature = decodedField(content, 'dataSignature');
  const key = contentKey(content, setting(source, 'privateKeyPem'));
  if (data === undefined || signature === undefined) return 'missing-signature';
  const isGenuine = key !== undefined && sameBytes(createHmac('sha256', key).update(data).digest(), signature);
  return isGenuine ? undefined : 'signature-mismatch';
}

function decodedField(value: unknown, name: string): Buffer | undefined {
  return decodeCanonical(fieldText(value, name) ?? '', 'base64');
}

function contentKey(content: unknown, privateKeyPem: string): Buffer | undefined {
  const wrapped = decodedField(content, 'dataKey');
  return wrapped && unwrap(wrapped, privateKeyPem);
}

function unwrap(wrapped: Buffer, pem: string): Buffer | undefined {
  const key = privateKey(pem);
  if (key === undefined) return undefined;
  try {
    return privateDecrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' }, wrapped);
  } catch {
    return undefined;
  }
}

/**
 * The resource data of a rich notification (an item's `data`), decrypted. Undefined when the key does not fit, or there is
 * no such data. Source: Microsoft Graph, "change notifications that include resource data": AES-256-CBC, whose
 * initialisation vector is the start of the key.
 *
 * @param privateKeyPem the private key of the encryption certificate
 */
export function decryptResourceData(item: Buffer, privateKeyPem: string): Buffer | undefined {
  const content = fieldValue(parseJson(item), 'encryptedContent');
  const data = decodedField(content, 'data');
  const key = contentKey(content, privateKeyPem);
  if (data === undefined || key?.length !== 32) return undefined;
  try {
    const decipher = createDecipheriv('aes-256-cbc', key, key.subarray(0, 16));
    return Buffer.concat([decipher.update(data), decipher.final()]);
  } catch {
    return undefined;
  }
}

function privateKey(pem: string): KeyObject | undefined {
  try {
    const key = createPrivateKey(pem);
    return key.asymmetricKeyType === 'rsa' ? key : undefined;
  } catch {
    return undefined;
  }
}

function sign(request: RawRequest, source: SourceConfig): RawRequest {
  const elements = batchElements(batch, new Inbound(request)) ?? [];
  const value = elements.map((element) => ({ ...asObject(parseJson(element)), clientState: source.secrets[0] }));
  return { ...request, body: Buffer.from(JSON.stringify({ value })) };
}

function asObject(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {};
}
