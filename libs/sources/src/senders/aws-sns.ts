import { createVerify, type KeyObject } from 'node:crypto';
import { certificatesIn, isValidAt } from '../certificate.js';
import { decodeCanonical } from '../encoding.js';
import { field, fieldText, fieldValue, time } from '../extract.js';
import { type Inbound } from '../inbound.js';
import { hasRepeatedNames } from '../json-elements.js';
import { refused, type FollowUp, type Refusal, type SourceConfig } from '../reception.js';
import { type CodeScheme } from '../scheme.js';
import { type Sender } from '../sender.js';
import { setting } from '../settings.js';

const awsHost = /^sns\.[a-z0-9-]{3,}\.amazonaws\.com(?:\.cn)?$/;
const notification = ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'];
const confirmation = ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'];
const signedFields: Readonly<Record<string, readonly string[]>> = {
  Notification: notification,
  SubscriptionConfirmation: confirmation,
  UnsubscribeConfirmation: confirmation,
};
const hashes: Readonly<Record<string, string>> = { '1': 'RSA-SHA1', '2': 'RSA-SHA256' };

const scheme: CodeScheme = {
  kind: 'code',
  needs: ['certificate'],
  describes:
    '`Signature` in the body: base64 RSA over the sorted fields, with the certificate at `SigningCertURL` (host and path ' +
    'are checked); version 1 is SHA-1, version 2 SHA-256',
  verify: (request, source) => {
    const reason = check(request, source);
    return reason && refused(reason);
  },
};

export const awsSns: Sender = {
  name: 'aws-sns',
  title: 'AWS SNS',
  documentation: 'https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html',
  schemes: { 'aws-sns': scheme },
  params: {
    // Anybody's topic may be pointed at our URL, and AWS signs for all of them: the topic is what makes it ours.
    topicArn: { describes: 'the ARN of the topic; others are refused', required: true },
    signatureVersion: {
      describes: '`2` refuses the SHA-1 signatures of version 1 (set the attribute of the topic first)',
      check: (value) => (value === '1' || value === '2' ? undefined : 'must be 1 or 2'),
    },
  },
  event: {
    type: field('Type'),
    id: field('MessageId'),
    time: time(field('Timestamp'), 'iso'),
    subject: field('Subject'),
  },
  followUp: confirm,
  answerWithin: 15,
  retries: 'as the delivery policy of the topic says',
};

function check(request: Inbound, source: SourceConfig): Refusal | undefined {
  const message = request.document;
  const signature = textAt(message, 'Signature');
  if (signature === '') return 'missing-signature';
  const hash = hashOf(textAt(message, 'SignatureVersion'), setting(source, 'signatureVersion'));
  if (hash === undefined) return 'algorithm';
  const bytes = decodeCanonical(signature, 'base64');
  const text = stringToSign(message);
  if (bytes === undefined || text === undefined) return 'malformed-signature';
  if (hasRepeatedNames(request.body)) return 'malformed-body';
  const key = signingKey(message, source);
  if (typeof key === 'string') return key;
  if (!createVerify(hash).update(text).verify(key, bytes)) return 'signature-mismatch';
  return isOurTopic(message, source) ? undefined : 'topic';
}

function hashOf(version: string, demanded: string): string | undefined {
  if (demanded !== '' && demanded !== version) return undefined;
  return Object.hasOwn(hashes, version) ? hashes[version] : undefined;
}

/** Nobody validates a source in here; `validateSource` demands the topic. */
function isOurTopic(message: unknown, source: SourceConfig): boolean {
  const topic = setting(source, 'topicArn');
  return topic === '' || topic === textAt(message, 'TopicArn');
}

/** `name\nvalue\n` for each field of the type; a Subject is signed when there is one. Undefined when one is missing. */
function stringToSign(message: unknown): string | undefined {
  const type = textAt(message, 'Type');
  if (!Object.hasOwn(signedFields, type)) return undefined;
  let text = '';
  for (const name of signedFields[type] ?? []) {
    const value = fieldValue(message, name);
    if (name === 'Subject' && (value === undefined || value === null)) continue;
    if (typeof value !== 'string') return undefined;
    text += `${name}\n${value}\n`;
  }
  return text;
}

function signingKey(message: unknown, source: SourceConfig): KeyObject | Refusal {
  const url = textAt(message, 'SigningCertURL') || textAt(message, 'SigningCertUrl');
  if (!isAwsUrl(url) || new URL(url).href !== url || !url.endsWith('.pem')) return 'certificate-url';
  const [certificate] = certificatesIn(source.certificate?.(url) ?? '');
  if (certificate === undefined) return 'certificate-unavailable';
  // AWS renews the certificate; a message that waited in a retry was signed with the one valid at its time.
  if (!isValidAt(certificate, new Date(textAt(message, 'Timestamp')))) return 'certificate-dates';
  return certificate.publicKey.asymmetricKeyType === 'rsa' ? certificate.publicKey : 'algorithm';
}

function textAt(message: unknown, name: string): string {
  return fieldText(message, name) ?? '';
}

function isAwsUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, port, username, password } = new URL(text);
  return protocol === 'https:' && awsHost.test(hostname) && port === '' && username === '' && password === '';
}

/** Only for the configured topic: confirming any other would let strangers feed this source. */
function confirm(request: Inbound, source: SourceConfig): FollowUp | undefined {
  if (textAt(request.document, 'Type') !== 'SubscriptionConfirmation') return undefined;
  const url = textAt(request.document, 'SubscribeURL');
  return setting(source, 'topicArn') !== '' && isAwsUrl(url) ? { kind: 'confirm', url } : undefined;
}
