import { networkLiteral, type Network } from './address.js';

/** Why an address may not be called. */
export type AddressClass =
  | 'unspecified'
  | 'loopback'
  | 'private'
  | 'shared'
  | 'link-local'
  | 'metadata'
  | 'multicast'
  | 'broadcast'
  | 'reserved'
  | 'documentation'
  | 'benchmark'
  | 'special'
  | 'embedded'
  | 'not-global';

export interface AddressBlock {
  readonly network: Network;
  readonly rule: AddressClass;
}

const block = (text: string, rule: AddressClass): AddressBlock => ({ network: networkLiteral(text), rule });

/**
 * Refused whatever the operator allows. Link-local and metadata addresses hand out the machine's own credentials;
 * `0.0.0.0` reaches loopback on Linux under a name that no loopback rule would match.
 */
export const neverReachable: readonly AddressBlock[] = [
  block('0.0.0.0/8', 'unspecified'),
  block('169.254.0.0/16', 'link-local'),
  block('100.100.100.200/32', 'metadata'), // Alibaba Cloud
  block('192.0.0.192/32', 'metadata'), // Oracle Cloud
  block('168.63.129.16/32', 'metadata'), // Azure WireServer: looks public, is in no registry
  block('224.0.0.0/4', 'multicast'),
  block('255.255.255.255/32', 'broadcast'),
  block('::/128', 'unspecified'),
  block('fe80::/10', 'link-local'),
  block('ff00::/8', 'multicast'),
  block('fd00:ec2::/32', 'metadata'), // AWS: instance metadata, DNS, time, pod identity
  block('fd20:ce::254/128', 'metadata'), // Google Cloud
  block('fd00:c1::a9fe:a9fe/128', 'metadata'), // Oracle Cloud
  block('fd00:42::42/128', 'metadata'), // Scaleway
];

/** Refused unless allowed: the IANA special-purpose registry for IPv4, plus blocks where no hook can live. */
export const deniedIpv4: readonly AddressBlock[] = [
  block('10.0.0.0/8', 'private'),
  block('100.64.0.0/10', 'shared'),
  block('127.0.0.0/8', 'loopback'),
  block('172.16.0.0/12', 'private'),
  block('192.0.0.0/24', 'special'), // IETF protocol assignments
  block('192.0.2.0/24', 'documentation'),
  block('192.31.196.0/24', 'special'), // AS112
  block('192.52.193.0/24', 'special'), // AMT
  block('192.88.99.0/24', 'embedded'), // 6to4 relay anycast, RFC 7526
  block('192.168.0.0/16', 'private'),
  block('192.175.48.0/24', 'special'), // AS112
  block('198.18.0.0/15', 'benchmark'),
  block('198.51.100.0/24', 'documentation'),
  block('203.0.113.0/24', 'documentation'),
  block('240.0.0.0/4', 'reserved'),
];

/** The only part of IPv6 that is routed globally; whatever lies outside needs an allow rule. */
export const globalIpv6 = networkLiteral('2000::/3');

/** Holes inside `2000::/3`, and names for the best-known blocks outside of it. */
export const deniedIpv6: readonly AddressBlock[] = [
  block('2001::/32', 'embedded'), // Teredo
  block('2001::/23', 'special'), // protocol assignments: ORCHID, DRIP, benchmarking, AMT
  block('2001:db8::/32', 'documentation'),
  block('2002::/16', 'embedded'), // 6to4
  block('2620:4f:8000::/48', 'special'), // AS112
  block('3fff::/20', 'documentation'),
  block('::1/128', 'loopback'),
  block('::/96', 'embedded'),
  block('::ffff:0:0:0/96', 'embedded'),
  block('64:ff9b::/96', 'embedded'),
  block('64:ff9b:1::/48', 'embedded'),
  block('fc00::/7', 'private'),
  block('fec0::/10', 'private'),
];
