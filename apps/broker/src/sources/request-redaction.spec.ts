import fc from 'fast-check';
import { redact } from './request-redaction.js';

const token = 'tokenOfTheSource-0123456789';
const secret = 'user:s3cret with blank&/+';

function redacted(parts: { url?: string; headers?: [string, string][]; body?: string | Buffer }) {
  const { url = `/in/name/${token}`, headers = [], body = '' } = parts;
  return redact({ method: 'POST', url, headers, body: Buffer.from(body) }, { token, secrets: [secret] });
}

test('the token leaves the path, and codes leave the query', () => {
  expect(redacted({ url: `/in/name/${token}?code=abc&Page=2&access_token=x&empty` }).url).toBe(
    '/in/name/‹removed›?code=‹removed›&Page=2&access_token=‹removed›&empty',
  );
});

test.each([
  ['authorization', 'Bearer abc', 'Bearer ‹removed› (10 characters)'],
  ['Authorization', 'raw-token', '‹removed› (9 characters)'],
  ['cookie', 'a=b', '‹removed› (3 characters)'],
  ['X-Gitlab-Token', 'abc', '‹removed› (3 characters)'],
  ['x-hub-signature-256', `sha256=${'a'.repeat(64)}`, expect.stringMatching(/^sha256=‹64 characters, [0-9a-f]{8}›$/)],
  ['webhook-signature', `v1,${'A'.repeat(44)}`, expect.stringMatching(/^v1,‹44 characters, [0-9a-f]{8}›$/)],
  ['x-custom', `holds ${secret} inside`, 'holds ‹removed› inside'],
  ['user-agent', 'GitHub-Hookshot/044aadd', 'GitHub-Hookshot/044aadd'],
])('%s: %s', (name, value, shown) => {
  expect(redacted({ headers: [[name, value]] }).headers).toEqual([[name, shown]]);
});

test('a body without secrets stays as it is, byte for byte', () => {
  const body = Buffer.from([0, 255, 10, 200]);
  expect(redacted({ body }).body).toEqual(body);
});

test('a secret is found however the sender spells it', () => {
  const form = new URLSearchParams({ clientState: secret }).toString();
  const basic = Buffer.from(secret).toString('base64');
  for (const body of [secret, form, encodeURIComponent(secret), basic]) {
    expect(redacted({ body: `[${body}]` }).body.toString()).toContain('‹removed›');
  }
});

test('no part of what is shown holds the token or a secret, wherever they stood', () => {
  const anywhere = fc.tuple(fc.string(), fc.string()).map(([before, after]) => `${before}${secret}${after}${token}`);
  fc.assert(
    fc.property(anywhere, fc.constantFrom('x-any', 'x-signature', 'authorization'), (text, name) => {
      const shown = redacted({ url: `/in/name/${token}?a=${text}`, headers: [[name, text]], body: text });
      const all = [shown.url, ...shown.headers.flat(), shown.body.toString()].join('\n');
      expect(all).not.toContain(secret);
      expect(all).not.toContain(token);
    }),
  );
});
