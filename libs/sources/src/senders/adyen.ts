import { createHmac } from 'node:crypto';
import { decodeCanonical, sameBytes } from '../encoding.js';
import { field, fieldText, fieldValue, firstOf, joined, time } from '../extract.js';
import { Inbound, parseJson } from '../inbound.js';
import { batchElements } from '../items.js';
import { hasRepeatedNames } from '../json-elements.js';
import { secretBytes } from '../keys.js';
import { refused, type RawRequest, type Refusal, type SourceConfig } from '../reception.js';
import { type CodeScheme } from '../scheme.js';
import { hmac } from '../schemes.js';
import { type Sender } from '../sender.js';

const batch = 'notificationItems';
const signedPaths = [
  'pspReference',
  'originalReference',
  'merchantAccountCode',
  'merchantReference',
  'amount/value',
  'amount/currency',
  'eventCode',
  'success',
];

const payments: CodeScheme = {
  kind: 'code',
  needs: ['secrets'],
  describes:
    '`additionalData.hmacSignature` in every item: base64 HMAC-SHA256 (key in hex) over eight fields joined by `:`; one ' +
    'wrong item refuses them all',
  secretProblem: (secret) => (secretBytes(secret, 'hex') === undefined ? 'must be hexadecimal' : undefined),
  verify: (request, source) => {
    const reason = check(request, source);
    return reason && refused(reason);
  },
  sign,
};

const item = (path: string) => field(`NotificationRequestItem/${path}`);

export const adyen: Sender = {
  name: 'adyen',
  title: 'Adyen (payments, platform)',
  documentation: 'https://docs.adyen.com/development-resources/webhooks/verify-hmac-signatures/',
  schemes: {
    'adyen-payments': payments,
    'adyen-platform': hmac({ header: 'hmacsignature', encoding: 'base64', key: 'hex' }),
  },
  batch,
  event: {
    type: firstOf(item('eventCode'), field('type')),
    composite: joined(':', item('pspReference'), item('eventCode'), item('success')),
    time: time(firstOf(item('eventDate'), field('timestamp')), 'iso'),
    subject: firstOf(item('merchantReference'), field('data/id')),
    hashSeconds: 0,
  },
  answerWithin: 10,
  retries: '3 quick ones, then with growing gaps for 30 days',
  dedupeDays: 31,
};

/** The signature lies in the items, so they are cut out first; what is checked is what is published. */
function check(request: Inbound, source: SourceConfig): Refusal | undefined {
  const keys = keysOf(source);
  if (keys.length === 0) return 'no-secret';
  const elements = batchElements(batch, request);
  if (elements === undefined || elements.length === 0) return 'missing-signature';
  if (hasRepeatedNames(request.body)) return 'malformed-body';
  for (const element of elements) {
    const reason = checkItem(fieldValue(parseJson(element), 'NotificationRequestItem'), keys);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function checkItem(notification: unknown, keys: readonly Buffer[]): Refusal | undefined {
  const signature = fieldText(notification, 'additionalData/hmacSignature');
  if (signature === undefined) return 'missing-signature';
  const given = decodeCanonical(signature, 'base64');
  if (given === undefined) return 'malformed-signature';
  return keys.some((key) => sameBytes(mac(key, notification), given)) ? undefined : 'signature-mismatch';
}

function keysOf(source: SourceConfig): Buffer[] {
  return source.secrets.map((secret) => secretBytes(secret, 'hex')).filter((key) => key !== undefined);
}

/** Values as they are: Adyen escapes separators elsewhere, not here. */
function mac(key: Buffer, notification: unknown): Buffer {
  const text = signedPaths.map((path) => fieldText(notification, path) ?? '').join(':');
  return createHmac('sha256', key).update(text).digest();
}

function sign(request: RawRequest, source: SourceConfig): RawRequest {
  const [key] = keysOf(source);
  const elements = batchElements(batch, new Inbound(request)) ?? [];
  const items = elements.map((element) => {
    const notification = fieldValue(parseJson(element), 'NotificationRequestItem');
    const hmacSignature = key === undefined ? '' : mac(key, notification).toString('base64');
    const additionalData = { ...objectAt(notification, 'additionalData'), hmacSignature };
    return { NotificationRequestItem: { ...asObject(notification), additionalData } };
  });
  return { ...request, body: Buffer.from(JSON.stringify({ live: 'false', notificationItems: items })) };
}

function objectAt(value: unknown, path: string): object {
  return asObject(fieldValue(value, path));
}

function asObject(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {};
}
