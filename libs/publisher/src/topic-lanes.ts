import { BatchDraft, type BatchLimits } from './batch-draft.js';
import { Fifo } from './fifo.js';
import type { PendingPublish } from './pending-publish.js';

/** Where requests of a topic are sent one after the other. */
export interface Lane {
  /** Calls that may only be sent here. */
  readonly own: Fifo<PendingPublish>;
  /** Batches to send again, whole or in parts, before anything else. */
  readonly again: PendingPublish[][];
  isRunning: boolean;
}

/**
 * The calls of one topic that wait to be sent. Events with a key always take the same lane, so that requests in flight
 * side by side cannot change the order within a key; all others take whichever lane is free.
 */
export class TopicLanes {
  readonly lanes: readonly Lane[];
  /** Failed attempts in a row and when the next may start; they pace every lane of the topic. */
  failures = 0;
  notBefore = 0;
  private readonly shared = new Fifo<PendingPublish>();
  private added = 0;

  constructor(
    readonly topic: string,
    laneCount: number,
  ) {
    this.lanes = Array.from({ length: laneCount }, () => ({ own: new Fifo(), again: [], isRunning: false }));
  }

  /** Queues a call. {@link idleLane} tells whether a lane has to be started for it. */
  add(call: PendingPublish): void {
    call.place = this.added;
    this.added += 1;
    const key = call.events.length === 1 ? call.events[0]?.key : undefined;
    const lane = key === undefined ? undefined : this.lanes[hash(key) % this.lanes.length];
    (lane?.own ?? this.shared).push(call);
  }

  /** A lane that does not run although calls wait for it. */
  idleLane(): Lane | undefined {
    return this.lanes.find(({ isRunning, own }) => !isRunning && (own.length > 0 || this.shared.length > 0));
  }

  get isIdle(): boolean {
    return this.lanes.every(({ isRunning }) => !isRunning) && this.idleLane() === undefined;
  }

  /** The calls of the lane's next request; none when nothing waits. */
  next(lane: Lane, limits: BatchLimits): PendingPublish[] {
    for (let batch = lane.again.shift(); batch !== undefined; batch = lane.again.shift()) {
      const wanted = batch.filter(({ isWanted }) => isWanted);
      if (wanted.length > 0) return wanted;
    }
    const draft = new BatchDraft(limits);
    for (let queue = this.older(lane); queue !== undefined; queue = this.older(lane)) {
      const call = queue.peek();
      if (call === undefined || (call.isWanted && !draft.take(call))) break;
      queue.shift();
    }
    return draft.calls;
  }

  /**
   * Of the lane's own and the shared queue the one whose head came first: neither can starve the other, and a topic with
   * one lane keeps the order of all its calls.
   */
  private older({ own }: Lane): Fifo<PendingPublish> | undefined {
    const [mine, common] = [own.peek(), this.shared.peek()];
    if (mine === undefined) return common === undefined ? undefined : this.shared;
    return common === undefined || mine.place < common.place ? own : this.shared;
  }
}

/** FNV-1a over UTF-16 units. It only spreads keys over the lanes of this process. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value >>> 0;
}
