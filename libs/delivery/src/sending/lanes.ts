import { RoundRobin, type Queued } from './round-robin.js';

/** kind of a row in retries; `alone`: failed in a batch, and is sent by itself from then on */
export const retryKind = { retry: 0, delayed: 1, redelivery: 2, replay: 3, alone: 4 } as const;

/** Somebody asked for this delivery again: neither a filter nor its age keeps it back, and its dead letter holds the event. */
export const isAskedFor = (kind: number | undefined): boolean =>
  kind === retryKind.redelivery || kind === retryKind.replay;

/**
 * Deliveries of one subscription stand in lanes which take turns, so that none starves another:
 * - retry: failed ones, and events whose time to be delivered has come
 * - replay: asked for again, by hand or as a replay
 *
 * First tries are a lane of their own, fed from the log.
 */
export type WaitingLane = 'retry' | 'replay';

export const waitingLanes: readonly WaitingLane[] = ['retry', 'replay'];

/** @param kind of its row in retries */
export function laneOf(kind: number): WaitingLane {
  return isAskedFor(kind) ? 'replay' : 'retry';
}

/** A line of its own for each lane of what waits in memory. */
export class LaneLines<T extends Queued & { readonly kind: number }> {
  private readonly lines: Record<WaitingLane, RoundRobin<T>> = {
    retry: new RoundRobin<T>(),
    replay: new RoundRobin<T>(),
  };

  get size(): number {
    return this.lines.retry.size + this.lines.replay.size;
  }

  sizeOf(lane: WaitingLane): number {
    return this.lines[lane].size;
  }

  add(item: T): void {
    this.lines[laneOf(item.kind)].add(item);
  }

  next(lane: WaitingLane): T | undefined {
    return this.lines[lane].next();
  }
}
