import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { isAlive } from './process-identity.js';

/**
 * Copies the package's `native` folder to where the server's account can execute it, once per package version.
 *
 * @returns the copy's home, laid out like the package.
 * @throws Error when no place could be written.
 */
export async function copyBinaries(home: string, dataDir: string): Promise<string> {
  const version = packageVersion(home);
  const failures: string[] = [];
  for (const base of candidates(dataDir)) {
    try {
      return await copyTo(path.join(base, `postgres-${version}-${process.arch}`), home);
    } catch (error) {
      failures.push(`${base}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new Error(`The Postgres programs can be copied nowhere (${failures.join('; ')})`);
}

/** Root needs a place that other accounts can enter; everybody else keeps the copy with the data. */
function candidates(dataDir: string): string[] {
  if (process.getuid?.() !== 0) return [dataDir];
  return ['/var/cache/hookcast', '/tmp/hookcast-root'];
}

async function copyTo(target: string, home: string): Promise<string> {
  const base = path.dirname(target);
  fs.mkdirSync(base, { recursive: true });
  assertOurs(base);
  if (process.getuid?.() === 0) fs.chmodSync(base, 0o755);
  await removeAbandoned(target);
  if (fs.existsSync(path.join(target, 'native'))) return target;
  // Whole or not at all: a copy that was interrupted, or made by two processes at once, is never executed.
  const unfinished = `${target}.tmp-${process.pid}-${randomBytes(3).toString('hex')}`;
  fs.cpSync(path.join(home, 'native'), path.join(unfinished, 'native'), { recursive: true, verbatimSymlinks: true });
  makeReadable(unfinished);
  try {
    fs.renameSync(unfinished, target);
  } catch (error) {
    fs.rmSync(unfinished, { recursive: true, force: true });
    if (!fs.existsSync(path.join(target, 'native'))) throw error;
  }
  return target;
}

/** In a shared directory somebody else could have put programs of theirs where we expect our copy. */
function assertOurs(dir: string): void {
  const stat = fs.lstatSync(dir);
  const ours = stat.isDirectory() && (process.getuid === undefined || stat.uid === process.getuid());
  if (!ours || (stat.mode & 0o022) !== 0) throw new Error(`${dir} can be written by somebody else`);
}

/** Under a strict umask (077) the originals are readable by their owner only. */
function makeReadable(entry: string): void {
  const stat = fs.lstatSync(entry);
  if (stat.isSymbolicLink()) return;
  const execute = stat.isDirectory() || (stat.mode & 0o100) !== 0;
  fs.chmodSync(entry, execute ? 0o755 : 0o644);
  if (stat.isDirectory()) for (const name of fs.readdirSync(entry)) makeReadable(path.join(entry, name));
}

/** Removes siblings `<path>.tmp-<pid>-…` and `<path>.init-<pid>-…` that a killed process left half made. */
export async function removeAbandoned(target: string): Promise<void> {
  const directory = path.dirname(target);
  const prefix = `${path.basename(target)}.`;
  for (const name of fs.readdirSync(directory)) {
    const pid = Number(/^(?:tmp|init)-(\d+)-/.exec(name.startsWith(prefix) ? name.slice(prefix.length) : '')?.[1]);
    const entry = path.join(directory, name);
    if (!pid || !isAbandoned(entry, pid)) continue;
    // initdb outlives a killed parent for a moment and still writes there: try again, and else leave it to the next start
    const patience = { recursive: true, force: true, maxRetries: 20, retryDelay: 100 };
    await fs.promises.rm(entry, patience).catch(() => {});
  }
}

/** Containers give the same small pid to every run: what is older than this process cannot be of its making. */
function isAbandoned(entry: string, pid: number): boolean {
  if (pid !== process.pid) return !isAlive(pid);
  return fs.statSync(entry).mtimeMs < Date.now() - process.uptime() * 1000;
}

function packageVersion(home: string): string {
  const content: unknown = JSON.parse(fs.readFileSync(path.join(home, 'package.json'), 'utf8'));
  if (typeof content === 'object' && content !== null && 'version' in content && typeof content.version === 'string') {
    return content.version;
  }
  throw new Error(`${home} has no version`);
}
