import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { checkServer, createDataPool, migrate } from '@hookcast/database';
import { ensureDays } from '@hookcast/log';
import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { adminKey, encryptionKey } from '../setting.js';
import { loadOrCreateKey } from './key-file.js';
import { StartError } from './start-error.js';

/** What every process of this broker needs; plain data, so that it can be sent to forked ones. */
export interface Prepared {
  databaseUrl: string;
  adminKey: string;
  /** Base64. */
  encryptionKey: string;
  /** Base64; while the key is being replaced. */
  previousEncryptionKey: string | undefined;
  /** Where the admin key was read from; null when the operator gave it. */
  adminKeyFile: string | null;
}

export function isPrepared(message: unknown): message is Prepared {
  return typeof message === 'object' && message !== null && 'databaseUrl' in message && 'encryptionKey' in message;
}

export interface Preparation {
  prepared: Prepared;
  /** Stops the embedded Postgres, if there is one. */
  release(): Promise<void>;
}

/** A Postgres that is just starting too, as in docker compose, gets this long. */
const serverWaitMs = 30_000;
const serverRetryMs = 1_000;
const dayMs = 86_400_000;

/** Database up, checked, migrated and with its days; keys read or made. @throws StartError */
export async function prepare(config: Config, log: Logger): Promise<Preparation> {
  const dataDir = resolve(config.dataDir);
  const keys = await readKeys(config, dataDir);
  const database = await openDatabase(config, dataDir, log);
  try {
    await checkDatabase(database.url, config, log);
    const { applied } = await migrate(database.url);
    if (applied.length > 0) log.info({ applied }, 'database.migrated');
    await ensureCurrentDays(database.url);
    return { prepared: { databaseUrl: database.url, ...keys }, release: database.release };
  } catch (error) {
    await database.release();
    throw error;
  }
}

async function readKeys(config: Config, dataDir: string): Promise<Omit<Prepared, 'databaseUrl'>> {
  const adminKeyFile = config.adminKey === undefined ? resolve(dataDir, 'admin.key') : null;
  const admin =
    config.adminKey ?? (await loadOrCreateKey(resolve(dataDir, 'admin.key'), (key) => key.toString('base64url')));
  if (adminKey(admin).kind === 'bad') throw new StartError(`${adminKeyFile} holds no key: delete it to get a new one`);
  return { adminKey: admin, adminKeyFile, ...(await readEncryptionKeys(config, dataDir)) };
}

export const encryptionKeyFile = (dataDir: string): string => resolve(dataDir, 'encryption.key');
/** Is there only while `npm run rotate-key` has begun and not finished. */
export const previousKeyFile = (dataDir: string): string => resolve(dataDir, 'encryption.key.previous');

/** Settings before files, and no file beside a setting. @throws StartError */
export async function readEncryptionKeys(
  config: Pick<Config, 'encryptionKey' | 'previousEncryptionKey'>,
  dataDir: string,
): Promise<Pick<Prepared, 'encryptionKey' | 'previousEncryptionKey'>> {
  const previous = config.previousEncryptionKey?.toString('base64');
  if (config.encryptionKey !== undefined)
    return { encryptionKey: config.encryptionKey.toString('base64'), previousEncryptionKey: previous };
  const current = await loadOrCreateKey(encryptionKeyFile(dataDir), (key) => key.toString('base64'));
  if (encryptionKey(current).kind === 'bad') throw new StartError(`${dataDir}/encryption.key holds no key of 32 bytes`);
  return { encryptionKey: current, previousEncryptionKey: previous ?? (await readIfThere(previousKeyFile(dataDir))) };
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** @throws StartError */
export async function openDatabase(
  config: Config,
  dataDir: string,
  log: Logger,
): Promise<{ url: string; release: () => Promise<void> }> {
  if (config.databaseUrl !== undefined) return { url: config.databaseUrl, release: async () => {} };
  // Imported only here: with DATABASE_URL the binaries need not even be installed.
  const { startEmbeddedPostgres } = await import('@hookcast/database/embedded');
  try {
    const server = await startEmbeddedPostgres({
      dataDir,
      log: (line) => log.info({ detail: line }, 'postgres.embedded'),
    });
    return { url: server.url, release: async () => server.stop() };
  } catch (error) {
    throw new StartError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

async function checkDatabase(url: string, config: Config, log: Logger): Promise<void> {
  const deadline = Date.now() + serverWaitMs;
  for (;;) {
    const check = await checkServer(url, { allowFsyncOff: config.unsafeAllowFsyncOff });
    if (check.kind === 'ok') return;
    const { reason } = check;
    const mayComeUp = reason.startsWith('Postgres cannot be reached');
    if (!mayComeUp || Date.now() > deadline) throw new StartError(`The database cannot be used. ${reason}`);
    log.warn({ reason }, 'database.waiting');
    await pause(serverRetryMs);
  }
}

async function ensureCurrentDays(url: string): Promise<void> {
  const pool = createDataPool(url, { max: 1, applicationName: 'hookcast-start' });
  try {
    await ensureDays(pool, new Date(Date.now() - dayMs), 5);
  } finally {
    await pool.end();
  }
}
