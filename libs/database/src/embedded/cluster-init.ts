import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { Account } from './account.js';
import { removeAbandoned } from './binaries-copy.js';
import type { Binaries } from './binaries.js';
import { clustersIn, type ClusterPaths } from './cluster-paths.js';
import { asAccount, complaint, run } from './run.js';
import { databaseUser } from './server-settings.js';

const clusterOptions = [
  `--username=${databaseUser}`,
  '--encoding=UTF8',
  // independent of the machine's locales and of the version of its ICU: indexes stay valid on another machine
  '--locale=C',
  '--locale-provider=builtin',
  '--builtin-locale=C.UTF-8',
  '--auth-local=trust',
  '--auth-host=scram-sha-256',
  '--no-instructions',
];

/**
 * Makes the cluster when there is none. initdb works in a sibling directory that is renamed when it is done, so a
 * killed initdb never leaves half a cluster behind, and of two processes that start at once the first one wins.
 *
 * @returns whether it was made now.
 */
export async function ensureCluster(
  paths: ClusterPaths,
  tools: { binaries: Binaries; account: Account; durable: boolean },
): Promise<boolean> {
  const { cluster } = paths;
  assertOwn(cluster);
  await removeAbandoned(cluster);
  if (isCluster(cluster)) return false;
  if (fs.existsSync(cluster) && fs.readdirSync(cluster).length > 0) {
    throw new Error(`${cluster} is not empty and not a Postgres cluster: move it away, or choose another data dir.`);
  }
  assertNoOther(paths);
  const unfinished = `${cluster}.init-${process.pid}-${randomBytes(3).toString('hex')}`;
  try {
    await initdb(unfinished, { ...tools, passwordFile: paths.passwordFile });
    return moveIntoPlace(unfinished, cluster);
  } finally {
    fs.rmSync(unfinished, { recursive: true, force: true });
  }
}

function assertOwn(cluster: string): void {
  const stat = fs.statSync(cluster, { throwIfNoEntry: false });
  const uid = process.getuid?.();
  if (!stat || uid === undefined || uid === 0 || stat.uid === uid) return;
  throw new Error(
    `${cluster} belongs to the account with uid ${stat.uid}, and this program runs with uid ${uid}: ` +
      'start it as that account (or as root), or choose another data dir.',
  );
}

/** An empty cluster beside one with data would look as if everything had been lost. */
function assertNoOther({ dataDir, cluster }: ClusterPaths): void {
  const [other] = clustersIn(dataDir).filter((each) => each !== cluster && isCluster(each));
  if (other === undefined) return;
  throw new Error(
    `${other} is a cluster of another Postgres version than the embedded one. Move its data over as ` +
      'docs/embedded-postgres.md says under "Another major version", or move it away to start empty.',
  );
}

async function initdb(
  directory: string,
  tools: { binaries: Binaries; account: Account; durable: boolean; passwordFile: string },
): Promise<void> {
  const { binaries, account, durable } = tools;
  ownDirectory(directory, account);
  const place = await serverPlace(directory, account);
  const password = process.platform === 'win32' ? [`--pwfile=${writePassword(tools.passwordFile)}`] : [];
  const result = await run(
    binaries.initdb,
    ['-D', place.argument, ...clusterOptions, ...(durable ? [] : ['--no-sync']), ...password],
    asAccount(account, place.cwd),
  );
  if (result.status === 0) return;
  const hint = /effective user ID/.test(result.stderr)
    ? '\nThe account this program runs as has no entry in /etc/passwd, which initdb needs: add one, or set DATABASE_URL.'
    : '';
  throw new Error(`initdb failed: ${complaint(result)}${hint}`);
}

/** A directory that only the server's account may enter, whatever the umask says. */
export function ownDirectory(directory: string, account: Account): void {
  fs.mkdirSync(directory, { recursive: true });
  fs.chmodSync(directory, 0o700);
  if (account.switchTo) fs.chownSync(directory, account.switchTo.uid, account.switchTo.gid);
}

/**
 * How the account names the directory. When one of the directories above may not be entered by it (a project under
 * /root), the server is started inside the directory and finds it as /proc/self/cwd: that link needs no rights on
 * the way down, so the data stay where the operator wanted them.
 */
export async function serverPlace(directory: string, account: Account): Promise<{ argument: string; cwd: string }> {
  if (!account.switchTo) return { argument: directory, cwd: '/' };
  const entered = await run('/bin/sh', ['-c', 'cd -- "$1"', 'sh', directory], asAccount(account));
  if (entered.status === 0) return { argument: directory, cwd: '/' };
  if (process.platform === 'linux') return { argument: '/proc/self/cwd', cwd: directory };
  throw new Error(
    `Embedded Postgres runs as "${account.name}" and cannot enter ${directory}. ` +
      'Choose another directory with HOOKCAST_DATA_DIR, e.g. /var/lib/hookcast.',
  );
}

function moveIntoPlace(unfinished: string, cluster: string): boolean {
  if (fs.existsSync(cluster) && fs.readdirSync(cluster).length === 0) fs.rmdirSync(cluster);
  try {
    fs.renameSync(unfinished, cluster);
  } catch (error) {
    if (isCluster(cluster)) return false; // another process was faster
    throw error;
  }
  syncDirectory(path.dirname(cluster));
  return true;
}

/** Otherwise a power failure could undo the rename although events were acknowledged since. */
function syncDirectory(directory: string): void {
  if (process.platform === 'win32') return;
  const handle = fs.openSync(directory, 'r');
  fs.fsyncSync(handle);
  fs.closeSync(handle);
}

function isCluster(directory: string): boolean {
  return fs.existsSync(path.join(directory, 'PG_VERSION'));
}

function writePassword(file: string): string {
  fs.writeFileSync(file, randomBytes(18).toString('base64url'), { mode: 0o600 });
  return file;
}
