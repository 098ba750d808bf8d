import { checkUrl, hostOf, portOf } from './url-check.js';

const check = (url: string, allow: string[] = []) => {
  const result = checkUrl(url, {
    allow,
    deny: [
      { host: 'Db.internal', port: 8443 },
      { host: '127.0.0.1', port: 8080 },
    ],
  });
  return result.kind === 'ok' ? result.url.href : result.rule;
};

test.each([
  ['https://example.com/hooks?key=1', 'https://example.com/hooks?key=1'],
  ['http://example.com:8080', 'http://example.com:8080/'],
  ['HTTPS://EXAMPLE.com./x', 'https://example.com./x'],
  ['http://xn--bcher-kva.example/', 'http://xn--bcher-kva.example/'],
])('accepts %s', (url, href) => {
  expect(check(url)).toBe(href);
});

test.each([
  ['ftp://example.com/', 'scheme'],
  ['file:///etc/passwd', 'scheme'],
  ['gopher://127.0.0.1:6379/_FLUSHALL', 'scheme'],
  ['data:text/plain,x', 'scheme'],
  ['javascript:alert(1)', 'scheme'],
  ['ws://example.com/', 'scheme'],
  ['http://user@example.com/', 'credentials'],
  ['http://user:password@example.com/', 'credentials'],
  ['http://1.1.1.1&@2.2.2.2#@3.3.3.3/', 'credentials'],
  ['http://example.com\\@127.0.0.1/', 'url'],
  ['http://exam\tple.com/', 'url'],
  ['http://example.com/\nx', 'url'],
  [' http://example.com/', 'url'],
  ['http://example.com/a b', 'url'],
  ['http://①②⑦.⓪.⓪.①/', 'url'],
  ['http://127。0。0。1/', 'url'],
  ['http://bücher.example/', 'url'],
  ['http://example.com/#top', 'url'],
  ['http://example.com/#', 'url'],
  ['http://', 'url'],
  ['example.com', 'url'],
  ['http://[fe80::1%25eth0]/', 'url'],
  ['http://exa%00mple.com/', 'url'],
  ['http://example.com:0/', 'port'],
  ['http://example.com:99999/', 'url'],
  ['http://example.com:22/', 'port'],
  ['https://example.com:5432/', 'port'],
  [`http://example.com/${'a'.repeat(2048)}`, 'url'],
  ['http://metadata.google.internal/computeMetadata/v1/', 'metadata'],
  ['http://METADATA./', 'metadata'],
  ['http://db.internal:8443/', 'own-service'],
  ['http://127.0.0.1/', 'loopback'],
])('refuses %s (%s)', (url, rule) => {
  expect(check(url)).toBe(rule);
});

test('refuses the own API on loopback although loopback is allowed', () => {
  expect(check('http://127.0.0.1:8080/v1/topics', ['127.0.0.0/8'])).toBe('own-service');
  expect(check('http://2130706433:8080/', ['127.0.0.0/8'])).toBe('own-service');
  expect(check('http://127.0.0.1:8081/', ['127.0.0.0/8'])).toBe('http://127.0.0.1:8081/');
});

test('a rule that names a shut port opens it for names too', () => {
  expect(check('http://search.lan:9200/', ['*.lan'])).toBe('port');
  expect(check('http://search.lan:9200/', ['*.lan:9200'])).toBe('http://search.lan:9200/');
});

test('says the same of every forbidden address', () => {
  const details = [
    'http://10.0.0.1/',
    'http://169.254.169.254/',
    'http://[::1]/',
    'http://metadata/',
    'http://a.b:22/',
  ].map((url) => checkUrl(url, { allow: [] }));
  expect(new Set(details.map((result) => result.kind === 'refused' && result.detail)).size).toBe(1);
});

test('gives hosts and ports as a connector takes them', () => {
  const parts = (url: string) => [hostOf(new URL(url)), portOf(new URL(url))];
  expect(parts('http://[::1]/')).toEqual(['::1', 80]);
  expect(parts('https://example.com./')).toEqual(['example.com', 443]);
  expect(parts('https://example.com:8443/')).toEqual(['example.com', 8443]);
});
