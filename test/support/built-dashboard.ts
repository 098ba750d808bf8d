import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** `npm test` has built the dashboard before; a single test file may run in a fresh checkout. */
export async function builtDashboard(): Promise<void> {
  if (existsSync(`${root}/apps/dashboard/dist/.vite/manifest.json`)) return;
  await promisify(execFile)('npm', ['run', 'build', '-w', 'apps/dashboard'], { cwd: root });
}
