import { isSameOrigin, isToken, secretOf, sessionCookie } from './session-cookie.js';

const [plain, secure] = ['http://bus:8080', 'https://bus.example'];

test('the cookie is out of reach of scripts and other sites, and of plain HTTP where there is TLS', () => {
  expect(sessionCookie('s', plain)).toBe('hookcast=s; Path=/; HttpOnly; SameSite=Strict');
  expect(sessionCookie('s', secure)).toBe('__Host-hookcast=s; Path=/; HttpOnly; SameSite=Strict; Secure');
  expect(sessionCookie('', plain)).toContain('Max-Age=0');
});

test.each([
  ['hookcast=abc', 'abc'],
  ['a=b; hookcast=abc; c=d', 'abc'],
  ['xhookcast=abc', undefined],
  ['hookcast=abc; hookcast=def', undefined],
  [undefined, undefined],
])('in %j the secret is %j', (header, secret) => {
  expect(secretOf(header, plain)).toBe(secret);
});

test('with TLS only the cookie with the prefix counts', () => {
  expect(secretOf('hookcast=abc; __Host-hookcast=def', secure)).toBe('def');
  expect(secretOf('hookcast=abc', secure)).toBeUndefined();
});

test.each([
  [{}, true],
  [{ origin: 'http://bus:8080', host: 'bus:8080' }, true],
  [{ origin: 'http://proxy', host: 'proxy' }, true],
  [{ 'sec-fetch-site': 'same-origin', origin: 'null' }, true],
  [{ origin: 'null', host: 'bus:8080' }, false],
  [{ origin: 'http://evil', host: 'bus:8080' }, false],
  [{ origin: 'http://bus:8080.evil', host: 'bus:8080' }, false],
  [{ 'sec-fetch-site': 'cross-site', origin: 'http://bus:8080', host: 'bus:8080' }, false],
  [{ 'sec-fetch-site': 'same-site' }, false],
  [{ 'sec-fetch-site': 'none' }, false],
])('a request with %j comes from our page: %j', (headers, expected) => {
  expect(isSameOrigin(headers, plain)).toBe(expected);
});

test('a token is right or not, whatever its length', () => {
  expect([isToken('abc', 'abc'), isToken('abd', 'abc'), isToken('', 'abc'), isToken(null, 'abc')]).toEqual([
    true,
    false,
    false,
    false,
  ]);
});
