import { spawn, type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Account } from './account.js';
import type { Binaries } from './binaries.js';
import { serverPlace } from './cluster-init.js';
import type { ClusterPaths } from './cluster-paths.js';
import { hasEnded, isPostmasterOf, readPidFile } from './postmaster-file.js';
import { asAccount, run } from './run.js';
import { settingArguments } from './server-settings.js';

/** Where a server process comes from; the same for every restart. */
export interface ServerSpec {
  paths: ClusterPaths;
  binaries: Binaries;
  account: Account;
}

/** A server process started here. */
export interface Postmaster {
  pid: number;
  /** How it ended, e.g. `signal SIGKILL`; undefined while it runs. */
  ended(): string | undefined;
  /** Resolves with the same text when it ends. */
  exit: Promise<string>;
}

const fastShutdownMs = 30_000;
const immediateShutdownMs = 10_000;

export async function launch(spec: ServerSpec, settings: Readonly<Record<string, string>>): Promise<Postmaster> {
  const { paths, binaries, account } = spec;
  const place = await serverPlace(paths.cluster, account);
  const output = fs.openSync(paths.logFile, 'a', 0o600);
  try {
    const child = spawn(binaries.postgres, ['-D', place.argument, ...settingArguments(settings)], {
      ...asAccount(account, place.cwd),
      // A session of its own: Ctrl-C in the terminal must not stop the database before the program has drained.
      detached: process.platform !== 'win32',
      stdio: ['ignore', output, output],
    });
    child.unref();
    return watch(child);
  } finally {
    fs.closeSync(output);
  }
}

function watch(child: ChildProcess): Postmaster {
  let ended: string | undefined;
  const exit = new Promise<string>((resolve) => {
    const end = (how: string) => resolve((ended ??= how));
    child.once('error', (error) => end(error.message));
    child.once('exit', (code, signal) => end(signal ? `signal ${signal}` : `exit status ${code}`));
  });
  return { pid: child.pid ?? 0, exit, ended: () => ended };
}

/**
 * Waits until the server accepts connections. As long as it lives it is waited for: after a crash it may replay
 * gigabytes of WAL, and starting anew would begin that again.
 *
 * @param watching `slow` is called every ten seconds.
 * @returns false when it ended or was no longer wanted.
 */
export async function becomesReady(
  server: Postmaster,
  cluster: string,
  watching: { cancelled: () => boolean; slow: (seconds: number) => void },
): Promise<boolean> {
  let seconds = 10;
  const since = performance.now();
  while (server.ended() === undefined && !watching.cancelled()) {
    const file = readPidFile(cluster);
    if (file?.pid === server.pid && file.status === 'ready') return true;
    if (performance.now() - since > seconds * 1000) {
      watching.slow(seconds);
      seconds += 10;
    }
    await pause(5);
  }
  return false;
}

/**
 * Stops a server of this cluster, ours or an orphan: fast (sessions are ended, a checkpoint is written), then
 * immediate (as if it had crashed: nothing committed is lost), then the hard way.
 */
export async function stopServer(spec: ServerSpec, pid: number): Promise<void> {
  const { cluster } = spec.paths;
  if (process.platform === 'win32') {
    await run(spec.binaries.pgCtl, ['stop', '-D', cluster, '-m', 'fast', '-w'], asAccount(spec.account));
    return;
  }
  for (const [signal, patience] of [
    ['SIGINT', fastShutdownMs],
    ['SIGQUIT', immediateShutdownMs],
    ['SIGKILL', immediateShutdownMs],
  ] as const) {
    if (!isPostmasterOf(pid, cluster)) return;
    process.kill(pid, signal);
    if (await isGone(pid, cluster, patience)) return;
  }
}

async function isGone(pid: number, cluster: string, patienceMs: number): Promise<boolean> {
  const deadline = performance.now() + patienceMs;
  while (performance.now() < deadline) {
    if (hasEnded(pid, cluster)) return true;
    await pause(10);
  }
  return false;
}

/**
 * Ends sessions that outlived their server: after a kill -9 of the postmaster a session in the middle of a long
 * computation does not notice, and its shared memory keeps the next server from starting. Runs as the server's
 * account, which may look at its own processes even where root may not (a container without CAP_SYS_PTRACE).
 */
export async function endStragglers(spec: ServerSpec): Promise<void> {
  if (process.platform !== 'linux') return;
  const { cluster } = spec.paths;
  const script = `for entry in /proc/[0-9]*; do
    [ "$(readlink "$entry/cwd" 2>/dev/null)" = "$1" ] && [ "$(readlink "$entry/exe")" = "$2" ] && kill -KILL "\${entry#/proc/}"
  done; true`;
  await run('/bin/sh', ['-c', script, 'sh', cluster, spec.binaries.postgres], asAccount(spec.account));
}
