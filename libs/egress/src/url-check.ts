import { isIP } from 'node:net';
import {
  compilePolicy,
  judgeAddress,
  type AddressRule,
  type EgressPolicy,
  type ForbiddenAddress,
} from './egress-policy.js';
import { isShutPort } from './port-rules.js';
import { networksOfLiteral } from './own-services.js';

export type UrlCheck =
  | { readonly kind: 'ok'; readonly url: URL }
  /** `rule` is for logs; `detail` may be shown to whoever wrote the URL and names no address class. */
  | { readonly kind: 'refused'; readonly rule: AddressRule; readonly detail: string };

/** Bytes of a hook URL at most. */
const maxUrlLength = 2048;

/** Names of metadata services; their addresses are shut too, but a forward proxy may resolve names by itself. */
const metadataNames = new Set([
  'metadata',
  'metadata.google.internal',
  'metadata.goog',
  'instance-data',
  'instance-data.ec2.internal',
]);

export const addressRefused = 'The hook URL points to an address that may not be called.';

/**
 * What can be said about a hook URL without asking a name server: its form, scheme and port, and the address when the
 * host is a literal. The URL is parsed here and only here; whoever sends must use the returned `url`, never the text,
 * because two parsers may read `http://good\@bad/` differently.
 */
export function checkUrl(text: string, policy: EgressPolicy): UrlCheck {
  const form = refuseForm(text);
  if (form !== undefined) return form;
  if (!URL.canParse(text)) return refuse('url', 'The hook URL is not a valid URL.');
  const url = new URL(text);
  const parts = refuseParts(url);
  if (parts !== undefined) return parts;
  return checkHost(url, policy);
}

/** The host of a parsed URL as a resolver takes it: no brackets around IPv6, no trailing dot. */
export function hostOf(url: URL): string {
  const { hostname } = url;
  if (hostname.startsWith('[')) return hostname.slice(1, -1);
  return hostname.endsWith('.') ? hostname.slice(0, -1) : hostname;
}

export function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port);
  return url.protocol === 'https:' ? 443 : 80;
}

function refuseForm(text: string): UrlCheck | undefined {
  if (text.length > maxUrlLength) return refuse('url', `The hook URL is longer than ${maxUrlLength} characters.`);
  // The URL parser drops tabs and newlines and reads "\" as "/": refuse rather than store something else than was written.
  if (!/^[\x21-\x7e]+$/.test(text) || text.includes('\\'))
    return refuse(
      'url',
      'The hook URL must be printable ASCII without spaces or backslashes (use punycode and percent-encoding).',
    );
  return undefined;
}

function refuseParts(url: URL): UrlCheck | undefined {
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return refuse('scheme', 'The hook URL must begin with http:// or https://.');
  if (url.username !== '' || url.password !== '')
    return refuse('credentials', 'The hook URL must not contain a user name or password; use headers instead.');
  if (url.hash !== '' || url.href.endsWith('#')) return refuse('url', 'The hook URL must not contain a fragment (#).');
  if (portOf(url) === 0) return refuse('port', 'The hook URL must not use port 0.');
  return hostOf(url) === '' ? refuse('url', 'The hook URL has no host.') : undefined;
}

function checkHost(url: URL, policy: EgressPolicy): UrlCheck {
  const host = hostOf(url);
  if (metadataNames.has(host)) return refuse('metadata', addressRefused);
  const { ownServices } = compilePolicy(policy);
  const own = ownServices.some(
    (service) => service.host.toLowerCase() === host && (service.port ?? portOf(url)) === portOf(url),
  );
  if (own) return refuse('own-service', addressRefused);
  if (isIP(host) === 0) return checkNamedPort(url, policy);
  const target = { address: host, host, port: portOf(url) };
  const verdict = judgeAddress(target, compilePolicy(policy), literalServices(policy));
  return verdict.kind === 'allowed' ? { kind: 'ok', url } : refuse(verdict.rule, addressRefused);
}

function checkNamedPort(url: URL, policy: EgressPolicy): UrlCheck {
  const port = portOf(url);
  const opened = !isShutPort(port) || compilePolicy(policy).rules.some((rule) => rule.port === port);
  return opened ? { kind: 'ok', url } : refuse('port', addressRefused);
}

function literalServices(policy: EgressPolicy): ForbiddenAddress[] {
  const literal = (policy.deny ?? []).filter(({ host }) => isIP(host) !== 0);
  return literal.flatMap(({ host, port }) => networksOfLiteral(host).map((own) => ({ network: own, port })));
}

const refuse = (rule: AddressRule, detail: string): UrlCheck => ({ kind: 'refused', rule, detail });
