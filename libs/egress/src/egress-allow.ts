import { parseNetwork, type Network } from './address.js';

/** One opening in the deny table. Without a port every HTTP-like port is open; names also stand for what they resolve to. */
export type AllowRule =
  | { readonly kind: 'network'; readonly network: Network; readonly port?: number }
  | { readonly kind: 'name'; readonly name: string; readonly subdomains: boolean; readonly port?: number };

export type AllowList = { kind: 'ok'; rules: AllowRule[] } | { kind: 'malformed'; errors: string[] };

const ipv4Entry = /^(?<network>[0-9.]+(?:\/\d{1,3})?)(?::(?<port>\d{1,5}))?$/;
const ipv6Entry = /^(?<network>[0-9a-f.]*:[0-9a-f:.]*(?:\/\d{1,3})?)$/i;
const bracketedEntry = /^\[(?<address>[0-9a-f:.]+)(?<inner>\/\d{1,3})?\](?<outer>\/\d{1,3})?(?::(?<port>\d{1,5}))?$/i;
const nameEntry =
  /^(?<wildcard>\*\.)?(?<name>[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*)(?::(?<port>\d{1,5}))?$/i;

/**
 * Reads `HOOKCAST_EGRESS_ALLOW`: entries separated by commas or white space.
 *
 * `10.0.0.0/8`, `10.1.2.3`, `10.20.0.0/16:8080`, `fc00::/7`, `[::1]/128:8080`, `*.svc.cluster.local` (every name below,
 * not the suffix itself), `billing`, `billing:3000`. Every malformed entry is named at once.
 */
export function parseEgressAllow(text: string): AllowList {
  const entries = text.split(/[\s,]+/).filter((entry) => entry !== '');
  const rules: AllowRule[] = [];
  const errors: string[] = [];
  for (const entry of entries) {
    const rule = parseEntry(entry);
    if (typeof rule === 'string') errors.push(rule);
    else rules.push(rule);
  }
  return errors.length > 0 ? { kind: 'malformed', errors } : { kind: 'ok', rules };
}

function parseEntry(entry: string): AllowRule | string {
  return parseBracketed(entry) ?? parsePlain(entry) ?? parseName(entry) ?? unreadable(entry);
}

function parseBracketed(entry: string): AllowRule | string | undefined {
  const groups = bracketedEntry.exec(entry)?.groups;
  const address = groups?.['address'];
  if (address?.includes(':') !== true) return undefined;
  return networkRule(entry, address + (groups?.['inner'] ?? '') + (groups?.['outer'] ?? ''), groups?.['port']);
}

function parsePlain(entry: string): AllowRule | string | undefined {
  const groups = (ipv4Entry.exec(entry) ?? ipv6Entry.exec(entry))?.groups;
  return groups && networkRule(entry, groups['network'] ?? '', groups['port']);
}

function parseName(entry: string): AllowRule | string | undefined {
  const groups = nameEntry.exec(entry)?.groups;
  const name = groups?.['name']?.toLowerCase();
  if (name === undefined) return undefined;
  return withPort(entry, groups?.['port'], { kind: 'name', name, subdomains: groups?.['wildcard'] !== undefined });
}

function networkRule(entry: string, text: string, port: string | undefined): AllowRule | string {
  const network = parseNetwork(text);
  if (network === undefined) return `"${entry}": ${text} is not an address or a CIDR block`;
  return withPort(entry, port, { kind: 'network', network });
}

function withPort(entry: string, port: string | undefined, rule: AllowRule): AllowRule | string {
  if (port === undefined) return rule;
  const value = Number(port);
  return value >= 1 && value <= 65535 ? { ...rule, port: value } : `"${entry}": the port must be from 1 to 65535`;
}

function unreadable(entry: string): string {
  return `"${entry}" is neither CIDR, CIDR:port ([address]/prefix:port for IPv6) nor a name such as *.example.internal`;
}
