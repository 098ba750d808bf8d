import type { WorkerIdentity, WorkerRow } from './ownership-store.js';

export interface Liveness {
  /** Ids of the workers that share the streams, this one included. */
  live: string[];
  /** Ids of workers known to be dead before their silence says so. */
  dead: string[];
}

/**
 * Who is alive. On this worker's own host a process that is gone is known at once: its pid does not exist, or has become
 * this worker's own. So a restart after kill -9 need not wait for the silence of the one before.
 */
export function livenessOf(
  self: WorkerIdentity,
  workers: readonly WorkerRow[],
  isProcessAlive: (pid: number) => boolean,
): Liveness {
  const isDeadHere = (other: WorkerRow) =>
    other.host === self.host &&
    other.workerId !== self.workerId &&
    (other.pid === self.pid ? other.startedAt < self.startedAt : !isProcessAlive(other.pid));
  const others = workers.filter(({ workerId }) => workerId !== self.workerId);
  const dead = others.filter(isDeadHere);
  const live = others.filter((other) => other.isFresh && !dead.includes(other));
  return { live: [self, ...live].map(({ workerId }) => workerId), dead: dead.map(({ workerId }) => workerId) };
}
