import type { WorkerIdentity, WorkerRow } from './ownership-store.js';

/** Milliseconds of silence after which others may take over, by the database's clock. */
export const deadAfterMs = 8_000;

export interface Liveness {
  /** Ids of the workers that share the streams, this one included. */
  live: string[];
  /** Ids of workers known to be dead before their silence says so. */
  dead: string[];
  /** Milliseconds until the most silent of the live ones counts as dead, should it stay silent; infinite when there is none. */
  nextDeathMs: number;
}

/**
 * Who is alive. On this worker's own host a process that is gone is known at once: its pid does not exist, or has become
 * this worker's own. So a restart after kill -9 need not wait for the silence of the one before. A worker that takes
 * leave shares the streams no more, and what it still has is its own until it gives it away.
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
  const fresh = others.filter((other) => other.silentMs < deadAfterMs && !dead.includes(other));
  const live = fresh.filter(({ isLeaving }) => !isLeaving);
  return {
    live: [self, ...live].map(({ workerId }) => workerId),
    dead: dead.map(({ workerId }) => workerId),
    nextDeathMs: Math.min(...fresh.map(({ silentMs }) => deadAfterMs - silentMs)),
  };
}
