import { type SourceConfig } from './reception.js';
import { validateSource } from './validate-source.js';

const problems = (source: Partial<SourceConfig> & { sender: string }) =>
  validateSource({ secrets: ['a secret'], ...source }).map(({ pointer }) => pointer);

test('a source that can verify has no problems', () => {
  expect(problems({ sender: 'github' })).toEqual([]);
  expect(problems({ sender: 'sendgrid', secrets: [], publicKeys: [spki] })).toEqual([]);
  expect(problems({ sender: 'paypal', secrets: [], params: { webhookId: 'WH-1' } })).toEqual([]);
  expect(problems({ sender: 'trello', callbackUrl: 'https://hooks.example.org/in/trello/token' })).toEqual([]);
  expect(
    problems({ sender: 'standard-webhooks', secrets: [], publicKeys: [`whpk_${Buffer.alloc(32).toString('base64')}`] }),
  ).toEqual([]);
});

const spki =
  'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEc4jPHrl7iflTM5SEZ7806Rs4H/NqvmLa46GfEdAyKWMxbhfFbcNZwiZQ31o+4o+9JCzBK9bC/KHM7plTIrkK6g==';

test('a source without a secret fails closed', () => {
  expect(problems({ sender: 'github', secrets: [] })).toEqual(['/secrets']);
  expect(problems({ sender: 'github', secrets: ['right', ''] })).toEqual(['/secrets/1']);
  expect(problems({ sender: 'discord', secrets: [] })).toEqual(['/publicKeys']);
  expect(problems({ sender: 'standard-webhooks', secrets: [] })).toEqual(['/secrets']);
});

test('names the sender and the scheme that do not exist', () => {
  expect(problems({ sender: 'nobody' })).toEqual(['/sender']);
  expect(problems({ sender: 'github', scheme: 'md5' })).toEqual(['/scheme']);
  expect(validateSource({ sender: 'github', scheme: 'md5', secrets: [] })[0]?.detail).toContain(
    'github-sha256, github-sha1',
  );
});

test.each([
  ['svix', 'not base64', undefined],
  ['adyen', 'xyz', undefined],
  ['salesforce', 'too short', undefined],
  ['azure-devops', 'no password', 'basic-auth'],
  ['zendesk', 'dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ==', undefined],
])('a secret that %s cannot use is refused: %s', (sender, secret, scheme) => {
  expect(problems({ sender, secrets: [secret], ...(scheme !== undefined && { scheme }) })).toEqual(['/secrets/0']);
});

test('public keys are checked for their form', () => {
  expect(problems({ sender: 'discord', secrets: [], publicKeys: ['00', 'ff'.repeat(32)] })).toEqual(['/publicKeys/0']);
  expect(problems({ sender: 'sendgrid', secrets: [], publicKeys: ['ff'.repeat(32)] })).toEqual(['/publicKeys/0']);
  expect(problems({ sender: 'github', publicKeys: [spki] })).toEqual(['/publicKeys']);
});

test('the callback URL is required where it is signed, and must be one', () => {
  for (const sender of ['trello', 'twilio', 'square', 'mandrill', 'hubspot']) {
    expect([sender, ...problems({ sender })]).toEqual([sender, '/callbackUrl']);
    expect(problems({ sender, callbackUrl: '/in/x' })).toEqual(['/callbackUrl']);
  }
  expect(problems({ sender: 'github', callbackUrl: 'ftp://x' })).toEqual(['/callbackUrl']);
});

test('settings are required, known and well-formed', () => {
  expect(problems({ sender: 'pusher' })).toEqual(['/params/key']);
  expect(problems({ sender: 'aws-sns', secrets: [], params: { signatureVersion: '3' } })).toEqual([
    '/params/topicArn',
    '/params/signatureVersion',
  ]);
  expect(problems({ sender: 'github', params: { header: 'x' } })).toEqual(['/params/header']);
  expect(problems({ sender: 'okta', params: { header: 'X-Own' } })).toEqual([]);
  expect(problems({ sender: 'msgraph', scheme: 'msgraph-encrypted', params: { privateKeyPem: 'x' } })).toEqual([
    '/params/privateKeyPem',
  ]);
  expect(problems({ sender: 'msgraph', params: { privateKeyPem: 'x' } })).toEqual(['/params/privateKeyPem']);
});

test.each([
  [{ algorithm: 'md5' }, '/params/algorithm'],
  [{ encoding: 'base32' }, '/params/encoding'],
  [{ template: '{body}{nonce}' }, '/params/template'],
  [{ template: '{method}' }, '/params/template'],
  [{ header: 'x y' }, '/params/header'],
  [{ toleranceSeconds: '-1' }, '/params/toleranceSeconds'],
  [{ timestampUnit: 'minutes' }, '/params/timestampUnit'],
  [{ separator: '|' }, '/params/separator'],
  [{ template: '{timestamp}.{body}' }, '/params/timestampHeader'],
  [{ template: '{body}', timestampHeader: 'x-time' }, '/params/template'],
  [{ template: '{url}{body}' }, '/callbackUrl'],
  [{ secretEncoding: 'hex' }, '/secrets/0'],
] as [Record<string, string>, string][])(
  'a generic source is checked before it verifies nothing: %j',
  (params, pointer) => {
    expect(problems({ sender: 'generic', params })).toEqual([pointer]);
  },
);
