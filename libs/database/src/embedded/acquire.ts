import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ClusterPaths } from './cluster-paths.js';
import { ensureDatabase } from './cluster-store.js';
import { clearStaleLocks, inspectCluster, type Found } from './postmaster-file.js';
import { becomesReady, endStragglers, launch, stopServer, type Postmaster, type ServerSpec } from './postmaster.js';
import { formatIdentity, isRunning, ownIdentity, type ProcessIdentity } from './process-identity.js';
import { logSize, logTail, rotateLog } from './server-log.js';
import { serverSettings, type Endpoint } from './server-settings.js';
import { ownSocketDir, removeSocketDir } from './socket-dir.js';
import { startWatchdog, type Watchdog } from './watchdog.js';

export interface Claim {
  spec: ServerSpec;
  endpoint: Endpoint;
  durable: boolean;
  settings: Readonly<Record<string, string>>;
  log: (line: string) => void;
  /** Who ran the server this process has lost; while it lives it may start it again. */
  formerOwner?: ProcessIdentity | undefined;
  /** True once nobody wants the server any more. */
  cancelled: () => boolean;
}

/** A server that accepts connections, run by this process or by another one. */
export type Hold =
  | { kind: 'own'; server: Postmaster; watchdog: Watchdog }
  | { kind: 'attached'; pid: number; owner: ProcessIdentity; endpoint: Endpoint };

/** How long an owner that lives may take to restart its server before another process does. */
const ownerRestartMs = 3_000;
/** An owner out of sight is believed gone when it gave no sign of life for this long. */
const silenceMs = 8_000;
/** When sessions of a dead server still hold its memory after this long, they are ended. */
const stragglerMs = 1_500;
const giveUpMs = 30_000;
const reportMs = 10_000;

/**
 * What Postgres says when something of the server before it is still there, or when the process that stopped that
 * one has just removed the directory of the socket. All of it passes.
 */
const passing =
  /pre-existing shared memory block|lock file "postmaster\.pid" already exists|could not create lock file .*: No such file/;

/**
 * Starts the server or attaches to it. Postgres's own lock file is the only arbiter: whoever loses the race for it
 * looks again and attaches.
 *
 * @returns undefined when cancelled.
 * @throws Error in words for an operator, with the end of the server's log.
 */
export async function acquire(claim: Claim): Promise<Hold | undefined> {
  const since = performance.now();
  let reportAfterMs = reportMs;
  while (!claim.cancelled()) {
    const waitedMs = performance.now() - since;
    const found = inspectCluster(claim.spec.paths.cluster);
    if (waitedMs > reportAfterMs) {
      claim.log(`waiting for the embedded Postgres for ${Math.round(waitedMs / 1000)} s (${found.kind})`);
      reportAfterMs += reportMs;
    }
    const hold = await react(found, claim, waitedMs);
    if (hold) return hold;
  }
  return undefined;
}

async function react(found: Found, claim: Claim, waitedMs: number): Promise<Hold | undefined> {
  switch (found.kind) {
    case 'running':
      return attach(found, claim.endpoint, waitedMs);
    case 'changing':
      return later(10);
    case 'orphan':
      claim.log(`stopping the server (pid ${found.pid}) that a process which is gone has left running`);
      await stopServer(claim.spec, found.pid);
      return undefined;
    case 'foreign':
      return awaitSilence(found.owner, claim);
    case 'stale':
      return startUnless(claim.formerOwner ?? found.owner, claim, waitedMs);
    case 'none':
      return startUnless(claim.formerOwner, claim, waitedMs);
  }
}

/** The process that ran the server until now, if it lives, is starting it again by itself. */
async function startUnless(
  owner: ProcessIdentity | undefined,
  claim: Claim,
  waitedMs: number,
): Promise<Hold | undefined> {
  const waits = owner && owner.pid !== process.pid && isRunning(owner) && waitedMs < ownerRestartMs;
  return waits ? later(50) : start(claim, waitedMs);
}

async function attach(
  found: Found & { kind: 'running' },
  planned: Endpoint,
  waitedMs: number,
): Promise<Hold | undefined> {
  const { pid, owner, port, socketDir } = found;
  // not where this process would have put the socket, but where it is
  const endpoint: Endpoint = planned.kind === 'tcp' ? { ...planned, port } : { kind: 'socket', socketDir, port };
  try {
    await ensureDatabase(endpoint);
    return { kind: 'attached', pid, owner, endpoint };
  } catch (error) {
    if (waitedMs > giveUpMs) throw error;
    return later(50); // it may be stopping just now
  }
}

async function start(claim: Claim, waitedMs: number): Promise<Hold | undefined> {
  const { spec, endpoint, durable, settings } = claim;
  const { cluster, logFile } = spec.paths;
  if (endpoint.kind === 'socket') ownSocketDir(endpoint.socketDir, spec.account);
  clearStaleLocks(cluster, endpoint);
  rotateLog(logFile);
  const logFrom = logSize(logFile);
  const owner = formatIdentity(ownIdentity());
  const server = await launch(spec, serverSettings({ endpoint, durable, owner, cluster, settings }));
  const watchdog = startWatchdog(server.pid, spec.account, endpoint.kind === 'socket' ? endpoint.socketDir : '');
  const hold = await settle({ kind: 'own', server, watchdog }, claim);
  if (hold || claim.cancelled()) return hold;
  const tail = logTail(logFile, logFrom);
  if (!passing.test(tail) || waitedMs > giveUpMs) {
    removeSocketDir(endpoint);
    throw new Error(
      `Embedded Postgres did not start (${server.ended() ?? 'stopped'}). The end of ${logFile}:\n${tail}`,
    );
  }
  if (waitedMs > stragglerMs) await endStragglers(spec);
  return later(100);
}

/** Waits for a server just launched; leaves neither it nor its watchdog behind when it does not get there. */
async function settle(hold: Hold & { kind: 'own' }, claim: Claim): Promise<Hold | undefined> {
  const { server } = hold;
  try {
    const ready = await becomesReady(server, claim.spec.paths.cluster, {
      cancelled: claim.cancelled,
      slow: (seconds) => claim.log(`still starting after ${seconds} s: recovering from a crash`),
    });
    if (ready) {
      await ensureDatabase(claim.endpoint);
      return hold;
    }
    await abandon(hold, claim);
    return undefined;
  } catch (error) {
    await abandon(hold, claim);
    throw error;
  }
}

async function abandon({ server, watchdog }: Hold & { kind: 'own' }, claim: Claim): Promise<void> {
  if (server.ended() === undefined) await stopServer(claim.spec, server.pid);
  watchdog.release();
}

/**
 * A cluster on a shared volume may be in use by another container or machine, where no pid can be asked and
 * Postgres's own lock does not reach: two servers on one cluster would destroy it. Its owner touches a file.
 */
async function awaitSilence(owner: ProcessIdentity, { spec, log, cancelled }: Claim): Promise<undefined> {
  const { cluster } = spec.paths;
  const before = lastSignOfLife(spec.paths);
  const silentFor = fileSystemTime(spec.paths) - before;
  const deadline = performance.now() + silenceMs - silentFor;
  if (silentFor < silenceMs) {
    const seconds = Math.ceil((silenceMs - silentFor) / 1000);
    log(`${cluster} was last used before a reboot or elsewhere; waiting ${seconds} s for a sign of life`);
  }
  while (performance.now() < deadline) {
    await pause(200);
    if (cancelled()) return;
    if (lastSignOfLife(spec.paths) === before) continue;
    throw new Error(
      `${cluster} is in use by process ${owner.pid} of another container or machine: ` +
        'stop that one first, or use one Postgres for both (DATABASE_URL).',
    );
  }
  // unless another process that waited as well has started a server meanwhile
  const still = inspectCluster(cluster).kind === 'foreign';
  if (still) fs.rmSync(path.join(cluster, 'postmaster.pid'), { force: true });
}

function lastSignOfLife({ aliveFile }: ClusterPaths): number {
  return fs.statSync(aliveFile, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** Now, by the clock that the file system stamps files with: on a network volume that is not ours. */
function fileSystemTime({ aliveFile }: ClusterPaths): number {
  const probe = `${aliveFile}.${process.pid}`;
  fs.writeFileSync(probe, '');
  const { mtimeMs } = fs.statSync(probe);
  fs.rmSync(probe, { force: true });
  return mtimeMs;
}

async function later(ms: number): Promise<undefined> {
  await pause(ms);
}
