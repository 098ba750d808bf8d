import { promises as dns } from 'node:dns';
import { readFile } from 'node:fs/promises';
import { ConnectFailure, codeOf } from './failure.js';
import { candidateNames, parseHosts, parseResolvConf, type HostsTable, type SearchRules } from './hosts-file.js';

/** Turns a host name into all of its addresses, IPv4 first. Rejects with a {@link ConnectFailure} of class `dns`. */
export interface Resolver {
  resolve(host: string): Promise<readonly string[]>;
}

export interface ResolverOptions {
  /** Name servers as `address` or `address:port`. @default those of the system */
  servers?: readonly string[];
  /** Milliseconds for one query, which is tried twice. @default 1500 */
  queryTimeoutMs?: number;
  /** Longest time in milliseconds that an answer is used again, whatever its TTL says. @default 5000 */
  cacheMs?: number;
  /** @default /etc/hosts */
  hostsFile?: string;
  /** @default /etc/resolv.conf */
  resolvConf?: string;
  /** Clock in milliseconds. */
  now?: () => number;
}

interface CachedAnswer {
  readonly answer: Promise<readonly string[]>;
  expiresAt: number;
}

const loopback: readonly string[] = ['127.0.0.1', '::1'];

/**
 * A stub resolver on c-ares instead of `getaddrinfo`: the latter has no time limit and holds one of the process's four
 * pool threads per slow name, so that a handful of dead domains would stall everybody's lookups, file reads and
 * crypto. What getaddrinfo does beside asking name servers is done here, as far as hooks need it: `localhost` and names
 * below it (RFC 6761), the hosts file, and the search domains of resolv.conf. Name services behind nsswitch (mDNS,
 * NIS, LDAP) are not asked.
 */
export class SystemResolver implements Resolver {
  readonly #dns: dns.Resolver;
  readonly #options: Required<Omit<ResolverOptions, 'servers'>>;
  readonly #cache = new Map<string, CachedAnswer>();
  #files: { hosts: HostsTable; rules: SearchRules; readAt: number } | undefined;

  constructor({ servers, ...options }: ResolverOptions = {}) {
    this.#options = {
      queryTimeoutMs: 1500,
      cacheMs: 5000,
      hostsFile: '/etc/hosts',
      resolvConf: '/etc/resolv.conf',
      now: () => performance.now(),
      ...options,
    };
    this.#dns = new dns.Resolver({ timeout: this.#options.queryTimeoutMs, tries: 2 });
    if (servers !== undefined) this.#dns.setServers(servers);
  }

  /** Concurrent callers share one lookup; answers are kept for their TTL, at most `cacheMs`. */
  async resolve(host: string): Promise<readonly string[]> {
    const name = host.toLowerCase();
    if (name === 'localhost' || name.endsWith('.localhost')) return loopback;
    const cached = this.#cache.get(name);
    if (cached !== undefined && cached.expiresAt > this.#options.now()) return cached.answer;
    const entry: CachedAnswer = { answer: this.#lookup(name), expiresAt: Infinity };
    this.#remember(name, entry);
    return entry.answer;
  }

  #remember(name: string, entry: CachedAnswer): void {
    this.#cache.set(name, entry);
    if (this.#cache.size > 10_000) this.#cache.delete(this.#cache.keys().next().value ?? name);
  }

  async #lookup(name: string): Promise<readonly string[]> {
    let ttl = 1;
    try {
      const { hosts, rules } = await this.#readFiles();
      const listed = hosts.get(name);
      if (listed !== undefined) return listed;
      const answer = await this.#ask(name, rules);
      ttl = answer.ttl;
      return answer.addresses;
    } finally {
      // Failures are kept for a second as well: a storm of deliveries to a dead name asks once.
      const entry = this.#cache.get(name);
      if (entry !== undefined) entry.expiresAt = this.#options.now() + Math.min(ttl * 1000, this.#options.cacheMs);
    }
  }

  async #ask(name: string, rules: SearchRules): Promise<{ addresses: string[]; ttl: number }> {
    let failure: unknown;
    for (const candidate of candidateNames(name, rules)) {
      const [ipv4, ipv6] = await Promise.allSettled([
        this.#dns.resolve4(candidate, { ttl: true }),
        this.#dns.resolve6(candidate, { ttl: true }),
      ]);
      const records = [ipv4, ipv6].flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
      if (records.length > 0)
        return { addresses: records.map((record) => record.address), ttl: Math.min(...records.map(({ ttl }) => ttl)) };
      failure = worst(ipv4, ipv6);
      if (!isAbsent(failure)) break;
    }
    throw new ConnectFailure('dns', dnsText(failure), `lookup of ${name}: ${codeOf(failure)}`);
  }

  /** The files are small and change when containers come and go; five seconds bound how long a change goes unseen. */
  async #readFiles(): Promise<{ hosts: HostsTable; rules: SearchRules }> {
    const now = this.#options.now();
    if (this.#files === undefined || now - this.#files.readAt > 5000) {
      const [hosts, rules] = await Promise.all([read(this.#options.hostsFile), read(this.#options.resolvConf)]);
      this.#files = { hosts: parseHosts(hosts), rules: parseResolvConf(rules), readAt: now };
    }
    return this.#files;
  }
}

const read = async (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');

const absent = new Set(['ENOTFOUND', 'ENODATA']);
const isAbsent = (failure: unknown): boolean => absent.has(codeOf(failure));

/** Of two failed queries the one that says more: "timed out" beats "no such record". */
function worst(first: PromiseSettledResult<unknown>, second: PromiseSettledResult<unknown>): unknown {
  const failures = [first, second].flatMap((result) =>
    result.status === 'rejected' ? [result.reason as unknown] : [],
  );
  return failures.find((failure) => !isAbsent(failure)) ?? failures[0];
}

function dnsText(failure: unknown): string {
  if (isAbsent(failure)) return 'The host name of the hook does not exist.';
  return `The host name of the hook could not be resolved (${codeOf(failure)}).`;
}
