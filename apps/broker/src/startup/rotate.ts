import { link, readFile, rename, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createDataPool } from '@hookcast/database';
import type { Logger } from 'pino';
import { Vault } from '../auth/vault.js';
import type { Config } from '../config.js';
import { loadOrCreateKey } from './key-file.js';
import { KeyRotation, type RotationCounts } from './key-rotation.js';
import { encryptionKeyFile, openDatabase, previousKeyFile, readEncryptionKeys } from './prepare.js';
import { brokerConnections } from './sealed-texts-store.js';
import { StartError } from './start-error.js';

/**
 * Seals everything with HOOKCAST_ENCRYPTION_KEY, opening what HOOKCAST_ENCRYPTION_KEY_PREVIOUS sealed. Without these two,
 * the generated key in the data dir is replaced by a new one; then the broker has to be stopped, since it knows no other.
 *
 * @throws StartError
 */
export async function rotateEncryptionKey(config: Config, log: Logger): Promise<RotationCounts> {
  const dataDir = resolve(config.dataDir);
  const database = await openDatabase(config, dataDir, log);
  const pool = createDataPool(database.url, { max: 1, applicationName: 'hookcast-rotate-key' });
  try {
    const isOurs = config.encryptionKey === undefined;
    if (isOurs) {
      if ((await brokerConnections(pool)) > 0)
        throw new StartError('A broker runs on this data dir: stop it before its generated key is replaced.');
      await replaceKeyFile(dataDir);
    }
    const { encryptionKey, previousEncryptionKey } = await readEncryptionKeys(config, dataDir);
    if (previousEncryptionKey === undefined)
      throw new StartError('HOOKCAST_ENCRYPTION_KEY_PREVIOUS must be the key that is to be replaced.');
    const vault = new Vault({
      current: Buffer.from(encryptionKey, 'base64'),
      others: [Buffer.from(previousEncryptionKey, 'base64')],
    });
    const counts = await new KeyRotation(pool, vault, (column, found) =>
      log.info({ ...column, ...found }, 'key-rotation.column'),
    ).run();
    if (isOurs && counts.unreadable === 0) await rm(previousKeyFile(dataDir), { force: true });
    return counts;
  } finally {
    await pool.end();
    await database.release();
  }
}

/**
 * The key before becomes `encryption.key.previous`, which a broker reads too. Both files are linked and renamed into
 * place, so a crash leaves either key readable, and what is half done is finished by the next run.
 */
async function replaceKeyFile(dataDir: string): Promise<void> {
  const [current, previous] = [encryptionKeyFile(dataDir), previousKeyFile(dataDir)];
  const before = (await readFile(current, 'utf8').catch(() => '')).trim();
  if (before === '') throw new StartError(`${current} does not exist: there is no key to replace.`);
  const kept = await readFile(previous, 'utf8').catch(() => undefined);
  if (kept !== undefined && kept.trim() !== before) return;
  if (kept === undefined) await link(current, previous);
  const next = `${current}.next`;
  await loadOrCreateKey(next, (key) => key.toString('base64'));
  await rename(next, current);
}
