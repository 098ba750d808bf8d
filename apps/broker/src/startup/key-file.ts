import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StartError } from './start-error.js';

/**
 * The key in a file that only its owner may read; a missing file gets a new random key. The file appears whole or not
 * at all (it is linked into place), so that of two processes that start at once both read the same key. It is on the
 * disk before anything is sealed with it: after a power cut an empty one would have taken every stored secret along.
 */
export async function loadOrCreateKey(path: string, encode: (bytes: Buffer) => string): Promise<string> {
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(draft, `${encode(randomBytes(32))}\n`, { mode: 0o600, flag: 'wx', flush: true });
    await link(draft, path).catch(ignoreExisting);
    await flushFolder(dirname(path));
  } catch (error) {
    throw new StartError(`${path} cannot be written: ${textOf(error)}`, { cause: error });
  } finally {
    // What cannot be removed was not written: where the folder is a file, say, which the error above has told.
    await rm(draft, { force: true }).catch(() => {});
  }
  return readKey(path);
}

/** Flushes the names in it. */
async function flushFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function readKey(path: string): Promise<string> {
  const { mode } = await stat(path);
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    throw new StartError(`${path} can be read by others: chmod 600 it, and replace the key if it may have been seen`);
  }
  return (await readFile(path, 'utf8')).trim();
}

function ignoreExisting(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
