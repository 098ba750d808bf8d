import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { shopSettings, type Service } from './settings.js';

/** Starts the three services, each as a process of its own, and ends when they have. */
const services: readonly Service[] = ['email', 'billing', 'orders'];

try {
  shopSettings();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}

const processes = services.map((service) => fork(fileURLToPath(new URL(`./${service}.js`, import.meta.url))));

let isStopping = false;
function stop(): void {
  isStopping = true;
  for (const child of processes) child.kill('SIGTERM');
}

// A terminal sends Ctrl-C to the whole group, `kill` only to this process: each service gets its signal either way.
process.on('SIGINT', stop);
process.on('SIGTERM', stop);

async function ended(child: ChildProcess): Promise<boolean> {
  await once(child, 'exit');
  const isExpected = isStopping;
  if (!isExpected) stop();
  return isExpected;
}

const all = await Promise.all(processes.map(ended));
process.exitCode = all.every(Boolean) ? 0 : 1;
