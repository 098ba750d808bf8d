import { redacted, withoutSecrets } from './redaction.js';

test('fields that are named like secrets lose their value', () => {
  expect(withoutSecrets({ secret: 'a', apiKey: 'b', password: 'c', hash: Buffer.from('d'), name: 'e' })).toEqual({
    secret: redacted,
    apiKey: redacted,
    password: redacted,
    hash: redacted,
    name: 'e',
  });
});

test('of sealed secrets their age and hint stay', () => {
  const secrets = [{ kind: 'hmac', sealed: 'v1.abc', hint: '…x', createdAt: 't', expiresAt: null }];
  expect(withoutSecrets({ secrets })).toEqual({
    secrets: [{ kind: 'hmac', hint: '…x', createdAt: 't', expiresAt: null }],
  });
});

test('of headers and options the names stay', () => {
  expect(withoutSecrets({ headers: { 'x-a': '1' }, options: { b: '2' } })).toEqual({
    headers: { 'x-a': redacted },
    options: { b: redacted },
  });
});

test('texts that look like secrets go wherever they are, and queries of URLs', () => {
  expect(withoutSecrets({ a: ['see whsec_AAAA/b+== there'], url: 'https://x.example/h?code=1#f' })).toEqual({
    a: [`see ${redacted} there`],
    url: `https://x.example/h?${redacted}`,
  });
});

test('times become text, numbers and null stay', () => {
  expect(withoutSecrets({ at: new Date(0), n: 1, none: null })).toEqual({
    at: '1970-01-01T00:00:00.000Z',
    n: 1,
    none: null,
  });
});
