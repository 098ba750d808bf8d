import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Longer than anybody takes to write a lock or to take one over; what is older was left by a process that died on it. */
const settledMs = 10_000;

/** Two processes that append to one spool would write into each other's records. */
export class SpoolLock {
  private readonly file: string;
  private isHeld = true;

  /** @throws {Error} when another process that is alive holds the directory */
  constructor(private readonly directory: string) {
    this.file = join(directory, 'lock');
    if (!this.take()) this.takeOver();
  }

  /** Once only: by the second time the lock may be another's. */
  release(): void {
    if (!this.isHeld) return;
    this.isHeld = false;
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

  /** One at a time: of two that found the same dead holder, the second would remove the lock of the first. */
  private takeOver(): void {
    const guard = join(this.directory, 'lock.taking');
    if (!makeDirectory(guard) && !(isSettled(guard) && makeAnew(guard))) throw this.inUse('another process');
    try {
      const holder = readHolder(this.file);
      if (holder === undefined ? !isSettled(this.file) : isAlive(holder)) {
        throw this.inUse(holder === undefined ? 'another process' : `process ${holder.pid}`);
      }
      rmSync(this.file, { force: true });
      if (!this.take()) throw this.inUse('another process');
    } finally {
      removeDirectory(guard);
    }
  }

  private inUse(by: string): Error {
    return new Error(`The spool ${this.directory} is in use by ${by}.`);
  }
}

function makeDirectory(path: string): boolean {
  try {
    mkdirSync(path);
    return true;
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false;
    throw error;
  }
}

function makeAnew(path: string): boolean {
  removeDirectory(path);
  return makeDirectory(path);
}

const removeDirectory = (path: string): void => rmSync(path, { recursive: true, force: true });

/** True when nobody has touched it for a while, or it is gone. */
function isSettled(path: string): boolean {
  const { mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: 0 };
  return Math.abs(Date.now() - mtimeMs) > settledMs;
}

interface Holder {
  pid: number;
  started: string | undefined;
}

/** Undefined for a lock that is being written, or was by a process that died on it, or is gone by now. */
function readHolder(file: string): Holder | undefined {
  try {
    const holder: Holder = JSON.parse(readFileSync(file, 'utf8'));
    return holder;
  } catch {
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
