import fc from 'fast-check';
import { checkUrl } from './url-check.js';
import { compilePolicy, judgeAddress } from './egress-policy.js';

/*
 * The second classifier. It shares nothing with the first: it reads host texts itself, works on numbers instead of
 * bytes, and knows ranges by their first and last address instead of by prefix.
 */
type Opening = 'shut' | 'public' | 'openable';

const shutIpv4 = [
  ['0.0.0.0', '0.255.255.255'],
  ['100.100.100.200', '100.100.100.200'],
  ['168.63.129.16', '168.63.129.16'],
  ['169.254.0.0', '169.254.255.255'],
  ['192.0.0.192', '192.0.0.192'],
  ['224.0.0.0', '239.255.255.255'],
  ['255.255.255.255', '255.255.255.255'],
] as const;
const specialIpv4 = [
  ['10.0.0.0', '10.255.255.255'],
  ['100.64.0.0', '100.127.255.255'],
  ['127.0.0.0', '127.255.255.255'],
  ['172.16.0.0', '172.31.255.255'],
  ['192.0.0.0', '192.0.0.255'],
  ['192.0.2.0', '192.0.2.255'],
  ['192.31.196.0', '192.31.196.255'],
  ['192.52.193.0', '192.52.193.255'],
  ['192.88.99.0', '192.88.99.255'],
  ['192.168.0.0', '192.168.255.255'],
  ['192.175.48.0', '192.175.48.255'],
  ['198.18.0.0', '198.19.255.255'],
  ['198.51.100.0', '198.51.100.255'],
  ['203.0.113.0', '203.0.113.255'],
  ['240.0.0.0', '255.255.255.254'],
] as const;
const full = 'ffff:ffff:ffff:ffff:ffff:ffff:ffff';
const shutIpv6 = [
  ['::', '::'],
  ['fe80::', `febf:${full}`],
  ['ff00::', `ffff:${full}`],
  ['fd00:ec2::', 'fd00:ec2:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['fd20:ce::254', 'fd20:ce::254'],
  ['fd00:c1::a9fe:a9fe', 'fd00:c1::a9fe:a9fe'],
  ['fd00:42::42', 'fd00:42::42'],
] as const;
const specialIpv6 = [
  ['::1', `1fff:${full}`], // all below 2000::/3
  ['4000::', `ffff:${full}`], // all above it
  ['2001::', '2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['2002::', `2002:${full}`],
  ['2620:4f:8000::', '2620:4f:8000:ffff:ffff:ffff:ffff:ffff'],
  ['3fff::', '3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff'],
] as const;

function ipv4Number(text: string): number {
  return text.split('.').reduce((value, part) => value * 256 + Number(part), 0);
}

function ipv6Number(text: string): bigint {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (dotted !== null) {
    const value = ipv4Number(dotted[2] ?? '');
    return ipv6Number(`${dotted[1]}${Math.floor(value / 65536).toString(16)}:${(value % 65536).toString(16)}`);
  }
  const [head = '', tail] = text.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => '0'), ...right];
  return groups.reduce((value, group) => value * 65536n + BigInt(`0x${group}`), 0n);
}

const openingOfIpv4 = (value: number): Opening => {
  const within = (ranges: readonly (readonly [string, string])[]) =>
    ranges.some(([first, last]) => value >= ipv4Number(first) && value <= ipv4Number(last));
  if (within(shutIpv4)) return 'shut';
  return within(specialIpv4) ? 'openable' : 'public';
};

function ipv4Inside(value: bigint): number[] {
  const low = Number(value & 0xffffffffn);
  const top96 = value >> 32n;
  const below96 = [0n, 0xffff_0000n, 0x5efen, 0x0064_ff9b_0000_0000_0000_0000n];
  if (value > 1n && below96.includes(top96)) return [low];
  if (value >> 80n === 0x0064_ff9b_0001n) return [low];
  if (value >> 112n === 0x2002n) return [Number((value >> 80n) & 0xffffffffn)];
  if (value >> 96n === 0x2001_0000n) return [Number((value >> 64n) & 0xffffffffn), (low ^ 0xffffffff) >>> 0];
  return [];
}

function openingOfIpv6(value: bigint): Opening {
  if (value >> 32n === 0xffffn) return openingOfIpv4(Number(value & 0xffffffffn));
  const within = (ranges: readonly (readonly [string, string])[]) =>
    ranges.some(([first, last]) => value >= ipv6Number(first) && value <= ipv6Number(last));
  if (within(shutIpv6) || ipv4Inside(value).some((inner) => openingOfIpv4(inner) === 'shut')) return 'shut';
  return within(specialIpv6) ? 'openable' : 'public';
}

/** The WHATWG number forms: decimal, octal (0…), hexadecimal (0x…), and fewer than four parts. */
function ipv4OfHost(host: string): number | undefined {
  const parts = host.replace(/\.$/, '').split('.');
  const numbers = parts.map((part) => {
    if (/^0x[0-9a-f]*$/i.test(part)) return part.length === 2 ? 0 : Number(part);
    if (/^0[0-7]+$/.test(part)) return Number.parseInt(part, 8);
    return /^(0|[1-9]\d*)$/.test(part) ? Number(part) : Number.NaN;
  });
  const last = numbers.pop() ?? Number.NaN;
  const limit = 256 ** (4 - numbers.length);
  if (parts.length > 4 || numbers.some((part) => !(part <= 255)) || !(last < limit)) return undefined;
  return numbers.reduce((value, part, index) => value + part * 256 ** (3 - index), 0) + last;
}

/** Verdict on `http://<host>/` with nothing allowed; names are left to the resolver and hence open here. */
function secondOpinion(host: string): 'open' | 'refused' {
  const decoded = decodeURIComponent(host).toLowerCase();
  if (decoded.startsWith('[')) return openingOfIpv6(ipv6Number(decoded.slice(1, -1))) === 'public' ? 'open' : 'refused';
  const value = ipv4OfHost(decoded);
  if (value !== undefined) return openingOfIpv4(value) === 'public' ? 'open' : 'refused';
  // What ends in a number is an address or nothing.
  return /(^|\.)(\d+|0x[0-9a-f]*)\.?$/.test(decoded) ? 'refused' : 'open';
}

const toIpv4 = (value: number): string => [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
const toIpv6 = (value: bigint): string =>
  Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16)).join(':');

const ipv4Edges = [...shutIpv4, ...specialIpv4].flatMap(([first, last]) =>
  [ipv4Number(first) - 1, ipv4Number(first), ipv4Number(last), ipv4Number(last) + 1]
    .filter((value) => value >= 0 && value < 2 ** 32)
    .map(toIpv4),
);
const ipv6Edges = [...shutIpv6, ...specialIpv6].flatMap(([first, last]) =>
  [ipv6Number(first) - 1n, ipv6Number(first), ipv6Number(last), ipv6Number(last) + 1n]
    .filter((value) => value >= 0n && value < 1n << 128n)
    .map(toIpv6),
);

/** IPv4 addresses in the forms that the URL parser folds into dotted decimals. */
function ipv4Spellings(address: string): string[] {
  const value = ipv4Number(address);
  const [a = '', b = '', c = '', d = ''] = address.split('.');
  const octal = (part: string) => `0${Number(part).toString(8)}`;
  const hex = (part: string) => `0x${Number(part).toString(16)}`;
  return [
    address,
    `${address}.`,
    String(value),
    `0x${value.toString(16)}`,
    `0X${value.toString(16).toUpperCase()}`,
    `0${value.toString(8)}`,
    [a, b, c, d].map(octal).join('.'),
    [a, b, c, d].map(hex).join('.'),
    `${octal(a)}.${hex(b)}.${c}.${d}`,
    `${a}.${value % 2 ** 24}`,
    `${a}.${b}.${value % 2 ** 16}`,
    `%${a.charCodeAt(0).toString(16)}${address.slice(1)}`,
    `[::ffff:${address}]`,
    `[::ffff:${Math.floor(value / 65536).toString(16)}:${(value % 65536).toString(16)}]`,
    `[0:0:0:0:0:FFFF:${address}]`,
    `[::${address}]`,
    `[::ffff:0:${address}]`,
    `[::5efe:${address}]`,
    `[64:ff9b::${address}]`,
    `[64:ff9b:1::${address}]`,
    `[2002:${Math.floor(value / 65536).toString(16)}:${(value % 65536).toString(16)}::1]`,
    `[2001:0:${Math.floor(value / 65536).toString(16)}:${(value % 65536).toString(16)}::1]`,
    `[2001:0:808:808::${((value ^ 0xffffffff) >>> 16).toString(16)}:${(~value & 0xffff).toString(16)}]`,
  ];
}

const interesting = [
  '127.0.0.1',
  '10.1.2.3',
  '169.254.169.254',
  '100.100.100.200',
  '168.63.129.16',
  '192.168.0.1',
  '0.0.0.0',
  '255.255.255.255',
  '224.0.0.1',
  '8.8.8.8',
  '93.184.215.14',
];

const oddities = `
  127.1 127.0.1 017700000001 0x7f.1 0x7f000001 1.2.3.4.5 256.1.1.1 4294967296 0 0x 1.1.1.08 9.9.9.9. [::]
  [::1] [0:0:0:0:0:0:0:1] [::0001] [fe80::1] [fec0::1] [fc00::1] [fd12:3456::1] [ff02::1] [100::1]
  [100:0:0:1::1] [5f00::1] [2001:10::1] [2001:20::1] [2001:30::1] [2001:2::1] [3fff:0fff::1]
  [2606:4700::1111] [2a00:1450:4001:80b::200e] [2001:4860:4860::8888] [2001:200::1] [3ffe::1] example.com
  a.127.0.0.1.nip.io localhost.example.com 1e100.net xn--bcher-kva.example 0x7f.example
`
  .trim()
  .split(/\s+/);

const spellings = [
  ...ipv4Edges,
  ...ipv6Edges.map((address) => `[${address}]`),
  ...interesting.flatMap(ipv4Spellings),
  ...oddities,
];

test('the table holds at least 300 different spellings', () => {
  expect(new Set(spellings).size).toBeGreaterThanOrEqual(300);
});

test.each([...new Set(spellings)])('judges http://%s/ as the second classifier does', (host) => {
  const check = checkUrl(`http://${host}/hook`, { allow: [] });
  expect(check.kind === 'ok' ? 'open' : 'refused').toBe(secondOpinion(host));
});

const anything = fc.oneof(
  fc.nat({ max: 0xffffffff }).map(toIpv4),
  fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }).map(toIpv6),
  fc
    .tuple(fc.constantFrom(...ipv4Edges), fc.integer({ min: -3, max: 3 }))
    .map(([edge, step]) => toIpv4(Math.min(2 ** 32 - 1, Math.max(0, ipv4Number(edge) + step)))),
  fc
    .tuple(
      fc.constantFrom(0n, 0xffffn << 32n, 0xffff_0000n << 32n, 0x64_ff9bn << 96n, (0x64_ff9bn << 96n) | (1n << 80n)),
      fc.nat({ max: 0xffffffff }),
    )
    .map(([prefix, low]) => toIpv6(prefix | BigInt(low))),
  fc
    .tuple(fc.nat({ max: 0xffffffff }), fc.nat({ max: 0xffff }))
    .map(([inner, low]) => toIpv6((0x2002n << 112n) | (BigInt(inner) << 80n) | BigInt(low))),
);

const opening = (address: string): Opening =>
  address.includes(':') ? openingOfIpv6(ipv6Number(address)) : openingOfIpv4(ipv4Number(address));

test('agrees with the second classifier on any address, with nothing allowed and with everything allowed', () => {
  const nothing = compilePolicy({ allow: [] });
  const everything = compilePolicy({ allow: ['0.0.0.0/0', '::/0', '*.example'] });
  fc.assert(
    fc.property(anything, (address) => {
      const target = { address, port: 8080, host: 'a.example' };
      const shut = judgeAddress(target, nothing);
      const open = judgeAddress(target, everything);
      expect(shut).toMatchObject(
        opening(address) === 'public' ? { kind: 'allowed', open: 'public' } : { kind: 'refused' },
      );
      expect(open.kind).toBe(opening(address) === 'shut' ? 'refused' : 'allowed');
    }),
    { numRuns: 5000 },
  );
});
