import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Two processes that append to one spool would write into each other's records. */
export class SpoolLock {
  private readonly file: string;

  /** @throws {Error} when another process that is alive holds the directory */
  constructor(directory: string) {
    this.file = join(directory, 'lock');
    if (!this.take()) {
      const holder = readHolder(this.file);
      if (holder !== undefined && isAlive(holder)) {
        throw new Error(`The spool ${directory} is in use by process ${holder.pid}.`);
      }
      rmSync(this.file, { force: true });
      if (!this.take()) throw new Error(`The spool ${directory} is in use by another process.`);
    }
  }

  release(): void {
    rmSync(this.file, { force: true });
  }

  private take(): boolean {
    try {
      writeFileSync(this.file, JSON.stringify({ pid: process.pid, started: startOf(process.pid) }), { flag: 'wx' });
      return true;
    } catch (error) {
      if (isCode(error, 'EEXIST')) return false;
      throw error;
    }
  }
}

interface Holder {
  pid: number;
  started: string | undefined;
}

function readHolder(file: string): Holder | undefined {
  try {
    const holder: Holder = JSON.parse(readFileSync(file, 'utf8'));
    return holder;
  } catch {
    // Written by a process that died on it, or gone by now.
    return undefined;
  }
}

/** In a container the next process may well have the pid of the one before, even our own. */
function isAlive({ pid, started }: Holder): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return isCode(error, 'EPERM');
  }
  return startOf(pid) === started;
}

/** When a process started, in ticks since the machine did; undefined where there is no /proc. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

const isCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code;
