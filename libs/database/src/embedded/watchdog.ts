import { spawn } from 'node:child_process';
import net from 'node:net';
import type { Account } from './account.js';
import { asAccount } from './run.js';

/** Stops the server when this process ends without having done so, kill -9 included. */
export interface Watchdog {
  release(): void;
}

/**
 * A shell that waits on a pipe which only this process holds open: whatever ends the process closes the pipe, the
 * kernel sees to that. Then a fast shutdown, and an immediate one if that takes too long. It ignores the signals a
 * terminal or an init system sends to a whole group: it has to be the last to go.
 */
const script = `trap '' INT TERM HUP
read -r _
kill -INT "$1" 2>/dev/null || exit 0
waited=0
while kill -0 "$1" 2>/dev/null && [ "$waited" -lt 600 ]; do sleep 0.1; waited=$((waited + 1)); done
kill -QUIT "$1" 2>/dev/null || rmdir "$2" 2>/dev/null`;

export function startWatchdog(pid: number, account: Account, socketDir: string): Watchdog {
  if (process.platform === 'win32') return { release: () => {} };
  const shell = spawn('/bin/sh', ['-c', script, 'hookcast-postgres-watchdog', String(pid), socketDir], {
    ...asAccount(account),
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  shell.once('error', () => {});
  shell.stdin?.on('error', () => {});
  shell.unref();
  if (shell.stdin instanceof net.Socket) shell.stdin.unref();
  return { release: () => void shell.kill('SIGKILL') };
}
