import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** Where the server is reached: a socket in a private directory, on Windows 127.0.0.1. */
export type Endpoint =
  { kind: 'socket'; socketDir: string; port: number } | { kind: 'tcp'; port: number; password: string };

export const databaseUser = 'hookcast';
export const databaseName = 'hookcast';

/** sockaddr_un.sun_path holds 104 bytes on macOS, 108 on Linux; `/.s.PGSQL.5432` and a NUL are 16. */
const longestSocketDir = 88;

/**
 * A short directory of this cluster's own: no port to clash on, nothing on the network, and who may enter the
 * directory needs no password.
 */
export function socketDirFor(cluster: string, temporary = temporaryDir()): string {
  const name = `hookcast-pg-${createHash('sha256').update(cluster).digest('hex').slice(0, 12)}`;
  const wanted = path.join(temporary, name);
  return Buffer.byteLength(wanted) <= longestSocketDir ? wanted : path.join('/tmp', name);
}

/** The same for every process of the machine, so not TMPDIR, which also may lie where the server cannot go. */
function temporaryDir(): string {
  try {
    fs.accessSync('/tmp', fs.constants.W_OK);
    return '/tmp';
  } catch {
    return os.tmpdir();
  }
}

/** sslmode is named, because clients would otherwise take it from PGSSLMODE, and this server has no TLS. */
export function connectionUrl(endpoint: Endpoint, database = databaseName): string {
  if (endpoint.kind === 'tcp') {
    const { password, port } = endpoint;
    return `postgresql://${databaseUser}:${password}@127.0.0.1:${port}/${database}?sslmode=disable`;
  }
  const where = `host=${encodeURIComponent(endpoint.socketDir)}&port=${endpoint.port}`;
  return `postgresql://${databaseUser}@/${database}?${where}&sslmode=disable`;
}

/**
 * Settings for a durable log on a small machine, see docs/decisions/0002-embedded-postgres.md for the figures.
 * max_wal_size bounds what a crash may have to be replayed: about 4 ms per megabyte, so that a restart stays under
 * five seconds. wal_compression stays off: events are appended, full-page images are rare, and it saves nothing.
 */
const logSettings: Readonly<Record<string, string>> = {
  max_connections: '100',
  shared_buffers: '128MB',
  max_wal_size: '1GB',
  min_wal_size: '256MB',
  checkpoint_timeout: '5min',
  // cursors and streams are updated many times a second: look after them more often than once a minute
  autovacuum_naptime: '15s',
  // statements are short; compiling one would take longer than running it
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

const durableSettings = {
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
  // macOS: plain fsync leaves data in the drive's cache (fsync(2) there)
  ...(process.platform === 'darwin' ? { wal_sync_method: 'fsync_writethrough' } : {}),
};
const volatileSettings = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' };

export interface SettingsRequest {
  endpoint: Endpoint;
  durable: boolean;
  /** The identity of the process that runs the server, see parseOwner. */
  owner: string;
  cluster: string;
  settings?: Readonly<Record<string, string>> | undefined;
}

/**
 * The server's command line. What stands there wins over postgresql.conf and ALTER SYSTEM, so durability cannot be
 * turned off behind our back.
 */
export function serverSettings(request: SettingsRequest): Record<string, string> {
  const { endpoint, durable } = request;
  return {
    ...logSettings,
    ...(endpoint.kind === 'tcp'
      ? { listen_addresses: '127.0.0.1' }
      : { listen_addresses: '', unix_socket_directories: endpoint.socketDir, unix_socket_permissions: '0700' }),
    port: String(endpoint.port),
    ...(durable ? {} : volatileSettings),
    ...request.settings,
    ...(durable ? durableSettings : {}),
    'hookcast.owner': request.owner,
    'hookcast.cluster': request.cluster,
  };
}

export function settingArguments(settings: Readonly<Record<string, string>>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}
