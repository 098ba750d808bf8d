import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';

const linux = process.platform === 'linux';

/** A pid means something only together with when its process started and where pids are counted. */
export interface ProcessIdentity {
  pid: number;
  /** Clock ticks since boot on Linux, a date elsewhere; empty when it cannot be told. */
  startedAt: string;
  /** Boot and pid namespace (a container has its own): pids of another realm say nothing here. */
  realm: string;
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, startedAt: startOf(process.pid), realm: ownRealm() };
}

/** Whether exactly this process still runs, and not one that was given its pid later. */
export function isRunning(identity: ProcessIdentity): boolean {
  if (identity.realm !== ownRealm() || !isAlive(identity.pid)) return false;
  const startedAt = startOf(identity.pid);
  // one that may not be looked at (hidepid) is believed to be the same: the server of a live owner must not be stopped
  return identity.startedAt === '' || startedAt === '' || startedAt === identity.startedAt;
}

export function formatIdentity({ pid, startedAt, realm }: ProcessIdentity): string {
  return `${pid}@${startedAt}@${realm}`;
}

export function parseIdentity(text: string): ProcessIdentity | undefined {
  const [pid, startedAt, realm] = text.split('@');
  if (!Number(pid) || startedAt === undefined || realm === undefined) return undefined;
  return { pid: Number(pid), startedAt, realm };
}

export function ownRealm(): string {
  if (!linux) return os.hostname();
  const boot = readOr('/proc/sys/kernel/random/boot_id', os.hostname());
  return `${boot}/${linkOr('/proc/self/ns/pid', '')}`;
}

/**
 * The arguments a process was started with, one string; empty when there is no such process. Not /proc/pid/cwd:
 * reading that of another account needs CAP_SYS_PTRACE, which root in a container lacks.
 */
export function commandLine(pid: number): string {
  if (linux) return readOr(`/proc/${pid}/cmdline`, '').replaceAll('\0', ' ');
  const listed = spawnSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  return listed.status === 0 ? listed.stdout.trim() : '';
}

function startOf(pid: number): string {
  if (linux) {
    // proc(5): the program's name may contain spaces and brackets, so count the fields behind the last bracket
    const stat = readOr(`/proc/${pid}/stat`, '');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const zombie = fields[0] === 'Z'; // dead, only nobody has asked for its exit status yet
    return zombie ? 'zombie' : (fields[19] ?? '');
  }
  const listed = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' });
  return listed.status === 0 ? listed.stdout.trim().replaceAll(/\s+/g, '-') : '';
}

function readOr(file: string, otherwise: string): string {
  try {
    return fs.readFileSync(file, 'utf8').trim();
  } catch {
    return otherwise;
  }
}

function linkOr(file: string, otherwise: string): string {
  try {
    return fs.readlinkSync(file);
  } catch {
    return otherwise;
  }
}
