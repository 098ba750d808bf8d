import { promises as dns } from 'node:dns';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
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

/** The names that RFC 6761 reserves for this machine; no name server is asked for them. */
export function isLocalhost(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost');
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
  #dns: dns.Resolver;
  readonly #servers: readonly string[] | undefined;
  readonly #options: Required<Omit<ResolverOptions, 'servers'>>;
  readonly #cache = new Map<string, CachedAnswer>();
  #files: { hosts: HostsTable; rules: SearchRules; resolvConf: string; readAt: number } | undefined;

  constructor({ servers, ...options }: ResolverOptions = {}) {
    this.#options = {
      queryTimeoutMs: 1500,
      cacheMs: 5000,
      hostsFile: '/etc/hosts',
      resolvConf: '/etc/resolv.conf',
      now: () => performance.now(),
      ...options,
    };
    this.#servers = servers;
    this.#dns = this.#createDns();
  }

  /** Concurrent callers share one lookup; answers are kept for their TTL, at most `cacheMs`. */
  async resolve(host: string): Promise<readonly string[]> {
    const name = host.toLowerCase();
    if (isLocalhost(name)) return loopback;
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
      const answers = await this.#askBoth(candidate);
      const records = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
      if (records.length > 0)
        return { addresses: records.map((record) => record.address), ttl: Math.min(...records.map(({ ttl }) => ttl)) };
      failure = worst(answers);
      if (!isAbsent(failure)) break;
    }
    throw new ConnectFailure('dns', dnsText(failure), `lookup of ${name}: ${codeOf(failure)}`);
  }

  /**
   * IPv4 and IPv6 at the same time. Some name servers drop the query for the family they do not know; once one family
   * has answered, the other gets half a second more. Leaving it out is safe: only addresses returned here are used.
   */
  async #askBoth(name: string): Promise<QueryResult[]> {
    const answers: QueryResult[] = [];
    const queries = [this.#dns.resolve4(name, { ttl: true }), this.#dns.resolve6(name, { ttl: true })].map(
      async (query) => {
        const [answer] = await Promise.allSettled([query]);
        answers.push(answer);
        if (answer.status === 'rejected') throw answer.reason;
      },
    );
    const both = Promise.allSettled(queries);
    const first = Promise.any(queries).then(async () => delay(500, undefined, { ref: false }));
    await Promise.race([both, first.catch(async () => both)]);
    return answers;
  }

  #createDns(): dns.Resolver {
    const resolver = new dns.Resolver({ timeout: this.#options.queryTimeoutMs, tries: 2 });
    if (this.#servers !== undefined) resolver.setServers(this.#servers);
    return resolver;
  }

  /** The files are small and change when containers come and go; five seconds bound how long a change goes unseen. */
  async #readFiles(): Promise<{ hosts: HostsTable; rules: SearchRules }> {
    const now = this.#options.now();
    if (this.#files === undefined || now - this.#files.readAt > 5000) {
      const [hosts, resolvConf] = await Promise.all([read(this.#options.hostsFile), read(this.#options.resolvConf)]);
      // c-ares reads the name servers once, when it is created.
      if (this.#files !== undefined && this.#files.resolvConf !== resolvConf) this.#dns = this.#createDns();
      this.#files = { hosts: parseHosts(hosts), rules: parseResolvConf(resolvConf), resolvConf, readAt: now };
    }
    return this.#files;
  }
}

const read = async (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');

const absent = new Set(['ENOTFOUND', 'ENODATA']);
const isAbsent = (failure: unknown): boolean => absent.has(codeOf(failure));

type QueryResult = PromiseSettledResult<{ address: string; ttl: number }[]>;

/** Of two failed queries the one that says more: "timed out" beats "no such record". */
function worst(answers: QueryResult[]): unknown {
  const failures = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as unknown] : []));
  return failures.find((failure) => !isAbsent(failure)) ?? failures[0];
}

function dnsText(failure: unknown): string {
  if (isAbsent(failure)) return 'The host name of the hook does not exist.';
  return `The host name of the hook could not be resolved (${codeOf(failure)}).`;
}
