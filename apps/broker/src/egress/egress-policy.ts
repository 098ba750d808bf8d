import type { EgressPolicy, ForwardProxy } from '@hookcast/egress';
import pg from 'pg';
import type { Config } from '../config.js';

/** What hooks may point to: the operator's ranges, but never the broker itself or its database. */
export function egressPolicy(config: Pick<Config, 'egressAllow' | 'host' | 'port'>, databaseUrl: string): EgressPolicy {
  return { allow: config.egressAllow, deny: [...databaseHosts(databaseUrl), ...ownHosts(config)] };
}

/** The proxy that all requests to hooks and senders go through, if there is one. */
export function forwardProxy({
  egressProxy: url,
  egressProxyResolves: resolve,
}: Pick<Config, 'egressProxy' | 'egressProxyResolves'>): { proxy?: ForwardProxy } {
  return url === undefined ? {} : { proxy: { url, resolve } };
}

/** Nothing for a Postgres that is reached by a socket file, such as the embedded one. */
function databaseHosts(databaseUrl: string): { host: string; port: number }[] {
  // Never connected: it is only asked how it reads the URL.
  const { host, port } = new pg.Client({ connectionString: databaseUrl });
  return host.startsWith('/') ? [] : [{ host, port }];
}

/** An unspecified host stands for every address of this machine. */
function ownHosts({ host, port }: Pick<Config, 'host' | 'port'>): { host: string; port: number }[] {
  return port === 0 ? [] : [{ host, port }];
}
