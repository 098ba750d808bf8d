import { contains, embeddedIpv4, parseAddress, unmap, type AddressBytes, type Network } from './address.js';
import { deniedIpv4, deniedIpv6, globalIpv6, neverReachable, type AddressClass } from './address-table.js';
import { parseEgressAllow, type AllowRule } from './egress-allow.js';
import { isShutPort } from './port-rules.js';

/** What outbound requests may reach. Public addresses are open, everything else is shut. */
export interface EgressPolicy {
  /** Openings, in the grammar of {@link parseEgressAllow}. */
  readonly allow: readonly string[];
  /**
   * The broker's own services (database, API), refused whatever `allow` says. Names cover what they resolve to; an
   * unspecified host (`0.0.0.0`, `::`) stands for every address of this machine. Without a port: all ports.
   */
  readonly deny?: readonly OwnService[];
}

export interface OwnService {
  readonly host: string;
  readonly port?: number;
}

/** The rule that refused a target. For logs and the audit trail, never for the owner of a subscription. */
export type AddressRule =
  AddressClass | 'url' | 'scheme' | 'credentials' | 'port' | 'own-service' | 'not-an-address' | 'peer';

export interface CompiledPolicy {
  readonly rules: readonly AllowRule[];
  readonly ownServices: readonly OwnService[];
}

/** Addresses of the broker's own. Without a network: its name did not resolve, so any non-public address may be it. */
export interface ForbiddenAddress {
  readonly network: Network | undefined;
  readonly port: number | undefined;
}

export interface AddressTarget {
  /** Canonical address text, as the resolver or the URL parser gave it. */
  readonly address: string;
  readonly port: number;
  /** The name of the URL, so that name rules apply; the address itself for a literal. */
  readonly host: string;
}

export type Judgement =
  /** `open` tells public addresses from those that only an allow rule opens. */
  | { readonly kind: 'allowed'; readonly open: 'public' | 'by-rule' }
  | { readonly kind: 'refused'; readonly rule: AddressRule };

const compiled = new WeakMap<EgressPolicy, CompiledPolicy>();

/** @throws Error naming every malformed allow entry: a policy is validated where it is read, so this is a bug. */
export function compilePolicy(policy: EgressPolicy): CompiledPolicy {
  const known = compiled.get(policy);
  if (known !== undefined) return known;
  const list = parseEgressAllow(policy.allow.join(','));
  if (list.kind === 'malformed') throw new Error(`Malformed egress policy: ${list.errors.join('; ')}`);
  const result = { rules: list.rules, ownServices: policy.deny ?? [] };
  compiled.set(policy, result);
  return result;
}

/**
 * Whether a connection to the address may be opened. Rules in order: never reachable, the broker's own services, ports
 * that speak no HTTP, allow rules, then the deny tables. IPv4 inside IPv6 is judged too, and the worse verdict counts.
 */
export function judgeAddress(
  target: AddressTarget,
  policy: CompiledPolicy,
  forbidden: readonly ForbiddenAddress[] = [],
): Judgement {
  const parsed = parseAddress(target.address);
  if (parsed === undefined) return refused('not-an-address');
  const bytes = unmap(parsed);
  const embedded = embeddedIpv4(bytes);
  const shut = [bytes, ...embedded].map((one) => absoluteRule(one, target.port, forbidden)).find((rule) => rule);
  if (shut !== undefined) return refused(shut);
  if (
    isShutPort(target.port) &&
    !policy.rules.some((rule) => rule.port === target.port && matches(rule, bytes, target))
  )
    return refused('port');
  if (policy.rules.some((rule) => matches(rule, bytes, target))) return judgeEmbedded(embedded, target, policy);
  const rule = deniedBy(bytes);
  return rule === undefined ? { kind: 'allowed', open: 'public' } : refused(rule);
}

/** Opening a translation prefix opens only those IPv4 targets behind it that are open themselves. */
function judgeEmbedded(embedded: AddressBytes[], target: AddressTarget, policy: CompiledPolicy): Judgement {
  const shut = embedded.some((inner) => {
    const opened = policy.rules.some((rule) => matches(rule, inner, target));
    return !opened && deniedBy(inner) !== undefined;
  });
  return shut ? refused('embedded') : { kind: 'allowed', open: 'by-rule' };
}

function absoluteRule(
  bytes: AddressBytes,
  port: number,
  forbidden: readonly ForbiddenAddress[],
): AddressRule | undefined {
  const never = neverReachable.find((block) => contains(block.network, bytes));
  if (never !== undefined) return never.rule;
  return forbidden.some((own) => isOwn(own, bytes, port)) ? 'own-service' : undefined;
}

function isOwn(own: ForbiddenAddress, bytes: AddressBytes, port: number): boolean {
  if (own.port !== undefined && own.port !== port) return false;
  return own.network === undefined ? deniedBy(bytes) !== undefined : contains(own.network, bytes);
}

function deniedBy(bytes: AddressBytes): AddressClass | undefined {
  const table = bytes.length === 4 ? deniedIpv4 : deniedIpv6;
  const block = table.find((entry) => contains(entry.network, bytes));
  if (block !== undefined) return block.rule;
  return bytes.length === 16 && !contains(globalIpv6, bytes) ? 'not-global' : undefined;
}

function matches(rule: AllowRule, bytes: AddressBytes, target: AddressTarget): boolean {
  if (rule.port !== undefined && rule.port !== target.port) return false;
  return rule.kind === 'network' ? contains(rule.network, bytes) : matchesName(rule, target.host);
}

function matchesName(rule: { name: string; subdomains: boolean }, host: string): boolean {
  return rule.subdomains ? host.endsWith(`.${rule.name}`) : host === rule.name;
}

const refused = (rule: AddressRule): Judgement => ({ kind: 'refused', rule });
