import fs from 'node:fs';
import path from 'node:path';
import { commandLine, isAlive, isRunning, ownRealm, parseIdentity, type ProcessIdentity } from './process-identity.js';
import type { Endpoint } from './server-settings.js';

/** Line by line what Postgres writes to postmaster.pid (src/include/utils/pidfile.h). */
export interface PidFile {
  pid: number;
  port: number;
  /** Empty on Windows. */
  socketDir: string;
  /** Undefined until the server has taken its lock, written its options and begun to start. */
  status: 'starting' | 'stopping' | 'ready' | 'standby' | undefined;
}

export type Found =
  /** No lock file: nobody runs this cluster. */
  | { kind: 'none' }
  /** A lock file of a server that is gone. */
  | { kind: 'stale'; owner: ProcessIdentity | undefined }
  /** A server that is starting or stopping. */
  | { kind: 'changing'; pid: number }
  /** A running server whose owner is gone. */
  | { kind: 'orphan'; pid: number }
  /** A running server and the process that runs it. */
  | { kind: 'running'; pid: number; owner: ProcessIdentity; port: number; socketDir: string }
  /** Somebody out of our sight (another container or machine) left the lock file and may still be there. */
  | { kind: 'foreign'; owner: ProcessIdentity };

const statuses = ['starting', 'stopping', 'ready', 'standby'] as const;

export function parsePidFile(text: string): PidFile | undefined {
  const lines = text.split('\n').map((line) => line.trim());
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  return {
    pid,
    port: Number(lines[3] ?? 0),
    socketDir: lines[4] ?? '',
    status: statuses.find((status) => status === lines[7]),
  };
}

/** The owner we put on the server's command line, as postmaster.opts repeats it. */
export function parseOwner(options: string): ProcessIdentity | undefined {
  return parseIdentity(/"hookcast\.owner=([^"]*)"/.exec(options)?.[1] ?? '');
}

/**
 * Who runs this cluster. Postgres's own lock is the only arbiter: it writes postmaster.pid when it has the lock,
 * then postmaster.opts, then the status; so once a status is there, the options are those of this server.
 */
export function inspectCluster(cluster: string): Found {
  const file = readPidFile(cluster);
  if (!file) return { kind: 'none' };
  const owner = parseOwner(readText(path.join(cluster, 'postmaster.opts')));
  if (file.status && owner && owner.realm !== ownRealm()) return { kind: 'foreign', owner };
  if (!isPostmasterOf(file.pid, cluster)) return { kind: 'stale', owner };
  return inspectLive(file, owner);
}

function inspectLive(file: PidFile, owner: ProcessIdentity | undefined): Found {
  const { pid, port, socketDir, status } = file;
  if (status === undefined || status === 'stopping') return { kind: 'changing', pid };
  if (!owner || !isRunning(owner)) return { kind: 'orphan', pid };
  if (status === 'starting') return { kind: 'changing', pid };
  return { kind: 'running', pid, owner, port, socketDir };
}

export function readPidFile(cluster: string): PidFile | undefined {
  return parsePidFile(readText(path.join(cluster, 'postmaster.pid')));
}

/** Is `pid` a server of this cluster, or was the pid given to another process since? */
export function isPostmasterOf(pid: number, cluster: string): boolean {
  if (!isAlive(pid)) return false;
  if (process.platform === 'win32') return true;
  const command = commandLine(pid);
  return command.includes('postgres') && `${command} `.includes(`${cluster} `);
}

/** For polling: elsewhere than on Linux a look at the command line costs a process. A zombie is gone too. */
export function hasEnded(pid: number, cluster: string): boolean {
  return process.platform === 'linux' ? !isPostmasterOf(pid, cluster) : !isAlive(pid);
}

/**
 * Removes lock files whose pid was given to another process since: Postgres would take that for a server and refuse
 * to start. A lock file whose pid is free is left to Postgres, which then also looks for sessions that are left.
 */
export function clearStaleLocks(cluster: string, endpoint: Endpoint): void {
  const locks = [path.join(cluster, 'postmaster.pid')];
  if (endpoint.kind === 'socket') locks.push(path.join(endpoint.socketDir, `.s.PGSQL.${endpoint.port}.lock`));
  for (const lock of locks) {
    const pid = parsePidFile(readText(lock))?.pid;
    if (pid !== undefined && isAlive(pid) && !isPostmasterOf(pid, cluster)) fs.rmSync(lock, { force: true });
  }
}

function readText(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
