import { isIP } from 'node:net';

/** Host name (lower case, no trailing dot) → addresses, as `/etc/hosts` lists them. */
export type HostsTable = ReadonlyMap<string, readonly string[]>;

/** Reads the format of hosts(5). Lines that begin with anything but an address are ignored, as every resolver does. */
export function parseHosts(text: string): HostsTable {
  const table = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (isIP(address) === 0) continue;
    for (const name of names) {
      const key = name.toLowerCase().replace(/\.$/, '');
      table.set(key, [...(table.get(key) ?? []), address]);
    }
  }
  return table;
}

export interface SearchRules {
  /** Domains to try after the name itself. */
  readonly search: readonly string[];
  /** Names with at least this many dots are complete. */
  readonly ndots: number;
}

/** Reads `search`, `domain` and `options ndots:` of resolv.conf(5); the last `search` or `domain` line wins. */
export function parseResolvConf(text: string): SearchRules {
  let search: string[] = [];
  let ndots = 1;
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line
      .replace(/[#;].*/, '')
      .trim()
      .split(/\s+/);
    if (keyword === 'search' || keyword === 'domain') search = values.map((value) => value.replace(/\.$/, ''));
    const option = keyword === 'options' ? values.find((value) => /^ndots:\d+$/.test(value)) : undefined;
    if (option !== undefined) ndots = Math.min(Number(option.slice('ndots:'.length)), 15);
  }
  return { search: search.filter((domain) => domain !== '').slice(0, 6), ndots };
}

/**
 * The names to ask for, in order. A name with a dot is asked as it stands first, so that nobody who controls a search
 * domain can shadow a public name; a single label (`billing`) means the neighbour in the search domain first.
 */
export function candidateNames(host: string, rules: SearchRules): string[] {
  const dots = host.split('.').length - 1;
  const searched = dots < rules.ndots || dots === 0 ? rules.search.map((domain) => `${host}.${domain}`) : [];
  return dots === 0 ? [...searched, host] : [host, ...searched];
}
