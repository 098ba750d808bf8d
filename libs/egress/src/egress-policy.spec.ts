import { networksOfLiteral } from './own-services.js';
import { compilePolicy, judgeAddress, type ForbiddenAddress } from './egress-policy.js';

const judge = (
  address: string,
  allow: string[] = [],
  { port = 443, host = address, own = [] as ForbiddenAddress[] } = {},
) => {
  const verdict = judgeAddress({ address, port, host }, compilePolicy({ allow }), own);
  return verdict.kind === 'allowed' ? verdict.open : verdict.rule;
};

test.each([
  ['169.254.169.254', 'link-local'],
  ['100.100.100.200', 'metadata'],
  ['168.63.129.16', 'metadata'],
  ['192.0.0.192', 'metadata'],
  ['fd00:ec2::254', 'metadata'],
  ['fe80::1', 'link-local'],
  ['0.0.0.0', 'unspecified'],
  ['::', 'unspecified'],
  ['224.0.0.1', 'multicast'],
  ['ff02::1', 'multicast'],
  ['255.255.255.255', 'broadcast'],
  ['::ffff:169.254.169.254', 'link-local'],
  ['64:ff9b::a9fe:a9fe', 'link-local'],
  ['2002:a9fe:a9fe::1', 'link-local'],
  ['2001:0:a9fe:a9fe::1', 'link-local'],
  ['2001:0:808:808::5601:5601', 'link-local'], // a Teredo client at 169.254.169.254, inverted
])('never reaches %s, whatever the allow list says (%s)', (address, rule) => {
  expect(judge(address, ['0.0.0.0/0', '::/0', '*.example', address], { host: 'a.example' })).toBe(rule);
});

test.each([
  ['10.1.2.3', '10.0.0.0/8', 'by-rule'],
  ['11.1.2.3', '10.0.0.0/8', 'public'],
  ['::ffff:10.1.2.3', '10.0.0.0/8', 'by-rule'],
  ['192.168.1.1', '10.0.0.0/8', 'private'],
  ['127.0.0.1', '127.0.0.0/8', 'by-rule'],
  ['::1', '127.0.0.0/8', 'loopback'],
  ['::1', '::1/128', 'by-rule'],
  ['fd12::1', 'fc00::/7', 'by-rule'],
  ['100.64.1.1', '100.64.0.0/10', 'by-rule'],
])('judges %s with %s allowed as %s', (address, allow, verdict) => {
  expect(judge(address, [allow])).toBe(verdict);
});

test('opens one port of a network without opening the others', () => {
  expect(judge('10.1.2.3', ['10.0.0.0/8:8080'], { port: 8080 })).toBe('by-rule');
  expect(judge('10.1.2.3', ['10.0.0.0/8:8080'], { port: 8081 })).toBe('private');
});

test('opens private addresses to names below an allowed suffix only', () => {
  const allow = ['*.svc.local', 'billing:3000'];
  expect(judge('10.1.2.3', allow, { host: 'billing.svc.local' })).toBe('by-rule');
  expect(judge('10.1.2.3', allow, { host: 'svc.local' })).toBe('private');
  expect(judge('10.1.2.3', allow, { host: 'evilsvc.local' })).toBe('private');
  expect(judge('10.1.2.3', allow, { host: 'billing.svc.local.evil.example' })).toBe('private');
  expect(judge('10.1.2.3', allow, { host: 'billing', port: 3000 })).toBe('by-rule');
  expect(judge('10.1.2.3', allow, { host: 'billing', port: 3001 })).toBe('private');
});

test.each([22, 25, 5432, 6379, 9200, 2375, 27017])('keeps port %i shut unless a rule names it', (port) => {
  expect(judge('93.184.215.14', [], { port })).toBe('port');
  expect(judge('10.1.2.3', ['10.0.0.0/8'], { port })).toBe('port');
  expect(judge('10.1.2.3', [`10.1.2.3:${port}`], { port })).toBe('by-rule');
});

test('opening the NAT64 prefix opens only what is open behind it', () => {
  expect(judge('64:ff9b::808:808')).toBe('embedded');
  expect(judge('64:ff9b::808:808', ['64:ff9b::/96'])).toBe('by-rule');
  expect(judge('64:ff9b::a01:203', ['64:ff9b::/96'])).toBe('embedded');
  expect(judge('64:ff9b::a01:203', ['64:ff9b::/96', '10.0.0.0/8'])).toBe('by-rule');
});

test('refuses the address of an own service on its port only, in every spelling', () => {
  const own = networksOfLiteral('127.0.0.1').map((network) => ({ network, port: 8443 }));
  const allow = ['127.0.0.0/8', '::/0'];
  expect(judge('127.0.0.1', allow, { port: 8443, own })).toBe('own-service');
  expect(judge('::ffff:127.0.0.1', allow, { port: 8443, own })).toBe('own-service');
  expect(judge('64:ff9b::7f00:1', allow, { port: 8443, own })).toBe('own-service');
  expect(judge('127.0.0.1', allow, { port: 8444, own })).toBe('by-rule');
  expect(judge('127.0.0.1', allow, { own: own.map(({ network }) => ({ network, port: undefined })) })).toBe(
    'own-service',
  );
});

test('an own service on all interfaces covers the whole of loopback', () => {
  const own = networksOfLiteral('0.0.0.0').map((network) => ({ network, port: 443 }));
  for (const address of ['127.0.0.1', '127.9.8.7', '::1'])
    expect(judge(address, ['127.0.0.0/8', '::1/128'], { own })).toBe('own-service');
});

test('an own service whose name does not resolve shuts its port on every address that is not public', () => {
  const own = [{ network: undefined, port: 8443 }];
  expect(judge('10.1.2.3', ['10.0.0.0/8'], { port: 8443, own })).toBe('own-service');
  expect(judge('10.1.2.3', ['10.0.0.0/8'], { port: 8444, own })).toBe('by-rule');
  expect(judge('93.184.215.14', [], { port: 8443, own })).toBe('public');
});

test.each(['', '127.1', '0x7f000001', '127.0.0.1/0', '10.0.0.1 ', 'fe80::1%eth0', '[::1]', 'localhost'])(
  'refuses %j, which is not an address',
  (address) => {
    expect(judge(address, ['0.0.0.0/0', '::/0'])).toBe('not-an-address');
  },
);

test('a malformed allow list stops the program instead of opening less or more', () => {
  expect(() => compilePolicy({ allow: ['10.0.0.0/99'] })).toThrow(/10\.0\.0\.0\/99/);
});
