import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** An address as its 4 (IPv4) or 16 (IPv6) bytes in network order: the only form that rules are applied to. */
export type AddressBytes = readonly number[];

/** All addresses whose first `prefix` bits equal those of `bytes`. */
export interface Network {
  readonly bytes: AddressBytes;
  readonly prefix: number;
}

/**
 * The bytes of a canonical address text, or undefined when the text is anything else.
 *
 * `node:net` decides what an address is, because it is the connector's own reading; the library is only asked for the
 * bytes. Shorthand (`127.1`), octal, hex and a trailing `/0` are therefore no addresses here. A zone (`fe80::1%eth0`)
 * is refused as well: it exists for link-local addresses only, which are never reachable.
 */
export function parseAddress(text: string): AddressBytes | undefined {
  if (isIP(text) === 0 || text.includes('%')) return undefined;
  return ipaddr.parse(text).toByteArray();
}

/** Reads `address` or `address/prefix`; a bare address is a network of one. Bits after the prefix are ignored. */
export function parseNetwork(text: string): Network | undefined {
  const [address = '', length, ...rest] = text.split('/');
  const bytes = parseAddress(address);
  if (bytes === undefined || rest.length > 0) return undefined;
  if (length === undefined) return { bytes, prefix: bytes.length * 8 };
  if (!/^\d{1,3}$/.test(length) || Number(length) > bytes.length * 8) return undefined;
  return { bytes, prefix: Number(length) };
}

/** Whether the network holds the address. Networks of one family never hold addresses of the other. */
export function contains(network: Network, address: AddressBytes): boolean {
  if (network.bytes.length !== address.length) return false;
  const whole = network.prefix >> 3;
  for (let index = 0; index < whole; index++) if (network.bytes[index] !== address[index]) return false;
  const rest = network.prefix & 7;
  if (rest === 0) return true;
  const mask = (0xff << (8 - rest)) & 0xff;
  return ((network.bytes[whole] ?? 0) & mask) === ((address[whole] ?? 0) & mask);
}

const mappedPrefix = networkLiteral('::ffff:0:0/96');

/** IPv4-mapped IPv6 as the IPv4 address that the kernel really connects to; every other address as it is. */
export function unmap(address: AddressBytes): AddressBytes {
  return contains(mappedPrefix, address) ? address.slice(12) : address;
}

interface Embedding {
  readonly network: Network;
  readonly extract: (address: AddressBytes) => AddressBytes[];
}

const last32 = (address: AddressBytes): AddressBytes[] => [address.slice(12)];

/**
 * The IPv6 forms that a gateway turns back into IPv4 traffic. Teredo (RFC 4380) carries two addresses: the server's in
 * bits 32 to 63, and the client's in the last 32 bits, inverted.
 */
const embeddings: readonly Embedding[] = [
  { network: networkLiteral('::/96'), extract: last32 }, // IPv4-compatible, RFC 4291
  { network: networkLiteral('::ffff:0:0:0/96'), extract: last32 }, // IPv4-translated, RFC 2765
  { network: networkLiteral('::5efe:0:0/96'), extract: last32 }, // ISATAP, RFC 5214
  { network: networkLiteral('64:ff9b::/96'), extract: last32 }, // NAT64, RFC 6052
  { network: networkLiteral('64:ff9b:1::/48'), extract: last32 }, // NAT64, local use, RFC 8215
  { network: networkLiteral('2002::/16'), extract: (address) => [address.slice(2, 6)] }, // 6to4, RFC 3056
  {
    network: networkLiteral('2001::/32'),
    extract: (address) => [address.slice(4, 8), address.slice(12).map((byte) => byte ^ 0xff)],
  },
];

/** `::` and `::1` lie inside the IPv4-compatible block but embed nothing. */
const notEmbedding = networkLiteral('::/127');

/** The IPv4 addresses that an IPv6 address stands for; empty for IPv4 and for plain IPv6. */
export function embeddedIpv4(address: AddressBytes): AddressBytes[] {
  if (address.length === 4 || contains(notEmbedding, address)) return [];
  return embeddings.filter((form) => contains(form.network, address)).flatMap((form) => form.extract(address));
}

/** A network written in this source; a typing error is a bug and stops the program at its start. */
export function networkLiteral(text: string): Network {
  const parsed = parseNetwork(text);
  if (parsed === undefined) throw new Error(`${text} is not a network`);
  return parsed;
}
