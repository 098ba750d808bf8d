import { spawn, type SpawnOptions, type StdioOptions } from 'node:child_process';
import type { Account } from './account.js';

export interface RunResult {
  /** 0 on success; null when it was killed or could not be started at all. */
  status: number | null;
  stdout: string;
  stderr: string;
  /** Why it could not be started, e.g. ENOENT or EACCES. */
  error?: NodeJS.ErrnoException;
}

/** Options that start a program as the account, with a small, locale-free environment. */
export function asAccount(account: Account, cwd = '/'): SpawnOptions {
  const windows = process.platform === 'win32';
  return {
    ...account.switchTo,
    ...(windows ? {} : { cwd }),
    windowsHide: true,
    env: {
      PATH: process.env['PATH'] ?? '',
      LC_ALL: 'C',
      TZ: 'UTC',
      ...(windows ? { SystemRoot: process.env['SystemRoot'] ?? '' } : {}),
    },
  };
}

/** Runs a program to its end. Never throws: a program that cannot be started is a result too. */
export function run(program: string, args: string[], options: SpawnOptions): Promise<RunResult> {
  return new Promise((resolve) => {
    const stdio: StdioOptions = ['ignore', 'pipe', 'pipe'];
    const child = spawn(program, args, { ...options, stdio });
    const output = { stdout: '', stderr: '' };
    child.stdout?.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
    child.once('error', (error) => resolve({ status: null, ...output, error }));
    child.once('close', (status) => resolve({ status, ...output }));
  });
}

/** What a failed run has to say, in one line or several. */
export function complaint(result: RunResult): string {
  return result.stderr.trim() || result.error?.message || `exit status ${result.status ?? 'none'}`;
}
