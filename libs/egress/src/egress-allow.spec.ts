import { parseEgressAllow } from './egress-allow.js';

test.each([
  ['10.0.0.0/8', { kind: 'network', network: { bytes: [10, 0, 0, 0], prefix: 8 } }],
  ['10.1.2.3', { kind: 'network', network: { bytes: [10, 1, 2, 3], prefix: 32 } }],
  ['10.20.0.0/16:8080', { kind: 'network', network: { bytes: [10, 20, 0, 0], prefix: 16 }, port: 8080 }],
  ['127.0.0.1:3000', { kind: 'network', network: { bytes: [127, 0, 0, 1], prefix: 32 }, port: 3000 }],
  ['0.0.0.0/0', { kind: 'network', network: { bytes: [0, 0, 0, 0], prefix: 0 } }],
  ['*.svc.cluster.local', { kind: 'name', name: 'svc.cluster.local', subdomains: true }],
  ['*.Internal:8443', { kind: 'name', name: 'internal', subdomains: true, port: 8443 }],
  ['billing', { kind: 'name', name: 'billing', subdomains: false }],
  ['billing_1:3000', { kind: 'name', name: 'billing_1', subdomains: false, port: 3000 }],
])('reads %s', (text, rule) => {
  expect(parseEgressAllow(text)).toEqual({ kind: 'ok', rules: [rule] });
});

test.each(['::1/128', '::1', '[::1]', '[::1]/128', '[::1/128]', '[0:0::0:1]'])(
  'reads %s as the IPv6 loopback',
  (text) => {
    const bytes = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    expect(parseEgressAllow(text)).toEqual({
      kind: 'ok',
      rules: [{ kind: 'network', network: { bytes, prefix: 128 } }],
    });
  },
);

test.each(['[fc00::]/7:8080', '[fc00::/7]:8080'])('reads the port of %s', (text) => {
  expect(parseEgressAllow(text)).toMatchObject({ kind: 'ok', rules: [{ network: { prefix: 7 }, port: 8080 }] });
});

test('reads lists with commas, spaces and line breaks, and an empty text as no opening', () => {
  expect(parseEgressAllow(' 10.0.0.0/8,, ::1/128\n*.lan ')).toMatchObject({ kind: 'ok', rules: { length: 3 } });
  expect(parseEgressAllow('')).toEqual({ kind: 'ok', rules: [] });
});

test.each([
  '10.0.0.0/33',
  '10.0.0/8',
  '010.0.0.0/8',
  '10.0.0.0/8/8',
  '10.0.0.0/-1',
  '256.0.0.1',
  '::1/129',
  '::1/128:8080',
  '[::1',
  '[10.0.0.1]:80',
  'fe80::1%eth0/128',
  '10.0.0.0/8:0',
  '10.0.0.0/8:65536',
  '*',
  '*.*',
  'a*.example',
  '.example',
  'example.',
  'http://10.0.0.1',
  'exa mple/8',
])('refuses %s', (text) => {
  expect(parseEgressAllow(text)).toMatchObject({ kind: 'malformed' });
});

test('names every malformed entry at once', () => {
  const list = parseEgressAllow('10.0.0.0/99,127.0.0.0/8,*');
  expect(list.kind === 'malformed' && list.errors).toEqual([
    expect.stringContaining('"10.0.0.0/99"'),
    expect.stringContaining('"*"'),
  ]);
});
