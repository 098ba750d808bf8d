import { readFileSync } from 'node:fs';
import { receive } from './receive.js';
import { type SourceConfig } from './reception.js';
import { requestOf, sourceOf, type Vector } from './vectors.js';

const load = (sender: string) =>
  JSON.parse(readFileSync(new URL(`../vectors/${sender}.json`, import.meta.url), 'utf8')) as Vector[];
const find = (sender: string, name: string) => {
  const vector = load(sender).find((candidate) => candidate.name === name && candidate.valid);
  if (vector === undefined) throw new Error(`No vector ${name}`);
  return {
    request: requestOf(vector),
    source: sourceOf(vector),
    now: new Date((vector.verifyAt ?? 1_795_000_000) * 1000),
  };
};

const paypal = find('paypal', 'own: chain by way of an intermediate');
const withoutCa: SourceConfig = { ...paypal.source, params: { webhookId: 'OWNWEBHOOKID2' } };
const root = paypal.source.params?.['caPem'] ?? '';
const otherRoot = find('paypal', 'own: own CA and leaf certificate').source.params?.['caPem'] ?? '';

test('a PayPal certificate has to lead to one of the trusted certificates', () => {
  const trusting = (trustedCertificates: string[]) =>
    receive(paypal.request, { ...withoutCa, trustedCertificates }, paypal.now);
  expect(trusting([otherRoot, root])).toMatchObject({ kind: 'accepted' });
  expect(trusting([otherRoot])).toMatchObject({ kind: 'refused', reason: 'certificate-untrusted' });
  expect(trusting(['no certificate'])).toMatchObject({ kind: 'refused', reason: 'certificate-untrusted' });
});

test('the certificate is asked for by a URL that has passed the rule, and no other', () => {
  const asked: string[] = [];
  const source: SourceConfig = { ...paypal.source, certificate: (url) => void asked.push(url) };
  expect(receive(paypal.request, source, paypal.now)).toMatchObject({ reason: 'certificate-unavailable' });
  const evil = paypal.request.headers.map(([name, value]): [string, string] => [
    name,
    value.replace('api.paypal.com', 'api.paypal.com.evil.example'),
  ]);
  expect(receive({ ...paypal.request, headers: evil }, source, paypal.now)).toMatchObject({
    reason: 'certificate-url',
  });
  expect(asked).toEqual(['https://api.paypal.com/v1/notifications/certs/CERT-own-2']);
});

test('a PayPal source without its webhook id fails closed', () => {
  expect(receive(paypal.request, { ...paypal.source, params: {} }, paypal.now)).toMatchObject({ reason: 'no-secret' });
});

const topicArn = 'arn:aws:sns:eu-north-1:000000000000:own';
const sns = (name: string, params: Record<string, string>) => {
  const { request, source, now } = find('aws-sns', name);
  return receive(request, { ...source, params }, now);
};

test('an SNS subscription is confirmed for the configured topic only', () => {
  const name = 'own: SubscriptionConfirmation v2';
  expect(sns(name, { topicArn })).toMatchObject({
    kind: 'accepted',
    followUp: {
      kind: 'confirm',
      url: 'https://sns.eu-north-1.amazonaws.com/?Action=ConfirmSubscription&Token=owntoken',
    },
  });
  expect(sns(name, {})).not.toHaveProperty('followUp');
  expect(sns(name, { topicArn: `${topicArn}2` })).toMatchObject({ kind: 'refused', reason: 'topic' });
  expect(sns('own: Notification v2 without Subject', { topicArn })).not.toHaveProperty('followUp');
});

test('SHA-1 can be refused for SNS', () => {
  expect(sns('own: Notification v1 with Subject', { signatureVersion: '2' })).toMatchObject({ reason: 'algorithm' });
  expect(sns('own: Notification v1 with Subject', { signatureVersion: '1' })).toMatchObject({ kind: 'accepted' });
});

test('a second member of a signed name spoils an SNS message', () => {
  const { request, source, now } = find('aws-sns', 'own: Notification v2 without Subject');
  const body = Buffer.from(request.body.toString().replace('{', '{"Message":"forged",'));
  expect(receive({ ...request, body }, source, now)).toMatchObject({ kind: 'refused', reason: 'malformed-body' });
});

test('a certificate that was not valid when the SNS message was made is refused', () => {
  const { request, source, now } = find('aws-sns', 'own: Notification v2 without Subject');
  const certificate = () => load('paypal').find(({ certPem }) => certPem?.includes('BEGIN'))?.certPem;
  expect(receive(request, { ...source, certificate }, now)).toMatchObject({ reason: 'signature-mismatch' });
  const early = Buffer.from(request.body.toString().replace('"Timestamp":"2026', '"Timestamp":"2016'));
  expect(receive({ ...request, body: early }, source, now)).toMatchObject({ reason: 'certificate-dates' });
});
