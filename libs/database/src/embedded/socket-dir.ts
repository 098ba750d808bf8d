import fs from 'node:fs';
import type { Account } from './account.js';
import { ownDirectory } from './cluster-init.js';
import type { Endpoint } from './server-settings.js';

/**
 * Makes the private directory of the socket.
 *
 * @throws Error when somebody else was there first: in a shared /tmp the name can be guessed, and who owns the
 * directory could put a server of theirs behind the socket.
 */
export function ownSocketDir(socketDir: string, account: Account): void {
  const stat = fs.lstatSync(socketDir, { throwIfNoEntry: false });
  const fit = stat === undefined || (stat.isDirectory() && ownUids(account).includes(stat.uid));
  if (!fit) throw new Error(`${socketDir} belongs to somebody else: remove it.`);
  ownDirectory(socketDir, account);
}

/** Leaves it when something is in it: another server of this cluster has started meanwhile. */
export function removeSocketDir(endpoint: Endpoint): void {
  if (endpoint.kind === 'tcp') return;
  try {
    fs.rmdirSync(endpoint.socketDir);
  } catch {
    // in use, or gone already
  }
}

function ownUids(account: Account): number[] {
  const uid = process.getuid?.() ?? 0;
  return account.switchTo ? [uid, account.switchTo.uid] : [uid];
}
