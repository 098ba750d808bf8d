import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/**
 * Names the space in which a process id means one process: the machine, its boot, and on Linux the pid namespace, so that
 * two containers of one machine are not taken for each other. Where Linux does not tell, the host name alone.
 */
export function hostIdentity(): string {
  return [hostname(), readOrEmpty(bootId), readOrEmpty(pidNamespace)].filter((part) => part !== '').join(' ');
}

const bootId = () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
const pidNamespace = () => readlinkSync('/proc/self/ns/pid');

function readOrEmpty(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}

/** Whether a process of this host exists. */
export function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it exists and belongs to another user.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
