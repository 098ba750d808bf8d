import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { FilterCache, type Filter } from '@hookcast/filter';
import { inTransaction, LogReader } from '@hookcast/log';
import type pg from 'pg';
import { errorText, type DeliveryLog } from '../delivery-log.js';
import { Loop } from '../timing/loop.js';
import { deadLetterStep } from './dead-letter-step.js';
import type { Operation } from './operation.js';
import {
  claimOperations,
  countUnderWay,
  finishOperation,
  lockOperation,
  operatedSubscription,
  releaseOperations,
  saveStep,
  takeResults,
  type LockedOperation,
  type OperatedSubscription,
  type StepResult,
} from './operation-run-store.js';
import { takeBackCancelled } from './operation-store.js';
import { mostUnderWay, refilled, stepSize } from './pace.js';
import { replayStep } from './replay-step.js';

export interface OperationRunnerOptions {
  pool: pg.Pool;
  log: DeliveryLog;
}

export interface OperationCounts {
  /** Steps taken, of whatever operations were due. */
  steps: number;
  /** Deliveries set going, and dead letters discarded. */
  moved: number;
  finished: number;
}

const idleMs = 1_000;
const busyMs = 100;
/** Milliseconds until the next look at an operation that cannot get on. */
const waitMs = { busy: 50, settling: 500, paused: 2_000 };
/** Operations taken in one round. */
const claimedAtOnce = 8;

type Stepped = { moved: number; isFinished: boolean };

/**
 * Carries operations out, step by step: each is one transaction, in which what was done and how far the operation has
 * come are stored together. Any number of processes may run one; an operation is in the hands of one at a time, and
 * goes on in another when its lease ends.
 */
export class OperationRunner {
  private readonly runner = randomUUID();
  private readonly filters = new FilterCache(50);
  private readonly reader: LogReader;
  private readonly loop: Loop<OperationCounts>;

  constructor(private readonly options: OperationRunnerOptions) {
    this.reader = new LogReader(options.pool);
    this.loop = new Loop(async () => this.runOnce(), {
      everyMs: ({ steps }) => (steps > 0 ? busyMs : idleMs),
      retryMs: idleMs,
      onError: (error, failures) => {
        // 1, 2, 4, 8 ...: an outage shows, and does not flood the log.
        if ((failures & (failures - 1)) !== 0) return;
        options.log.warn('operation.loop-failed', { failures, error: errorText(error) });
      },
    });
  }

  start(): void {
    this.loop.start();
  }

  /** One step of every operation whose time has come. */
  async runOnce(): Promise<OperationCounts> {
    const counts: OperationCounts = { steps: 0, moved: 0, finished: 0 };
    const ids = await claimOperations(this.options.pool, this.runner, claimedAtOnce);
    for (const id of ids) {
      const stepped = await this.step(id);
      if (!stepped) continue;
      counts.steps += 1;
      counts.moved += stepped.moved;
      counts.finished += stepped.isFinished ? 1 : 0;
      // A page of costly filters must not keep timers and answers waiting.
      await setImmediate();
    }
    await takeBackCancelled(this.options.pool);
    return counts;
  }

  /** Lets the step under way end and gives everything back. */
  async stop(): Promise<void> {
    await this.loop.stop();
    try {
      await releaseOperations(this.options.pool, this.runner);
    } catch (error) {
      // The lease ends by itself.
      this.options.log.warn('operation.release-failed', { error: errorText(error) });
    }
  }

  private async step(id: string): Promise<Stepped | undefined> {
    const client = await this.options.pool.connect();
    try {
      return await inTransaction(client, async () => {
        const locked = await lockOperation(client, id, this.runner);
        return locked && this.stepLocked(client, locked);
      });
    } finally {
      client.release();
    }
  }

  private async stepLocked(client: pg.ClientBase, locked: LockedOperation): Promise<Stepped> {
    const { operation } = locked;
    const subscription = await operatedSubscription(client, operation.subscriptionId);
    if (!subscription)
      return this.finish(client, operation, { status: 'cancelled', error: 'the subscription was deleted' });
    const filters = this.filtersOf(operation, subscription);
    if (typeof filters === 'string') return this.finish(client, operation, { status: 'failed', error: filters });
    // In this order: a delivery that is settled in between is told of, and not under way any more.
    const underWay = await this.underWay(client, operation);
    const told = await takeResults(client, operation.id);
    const left = refilled(locked.allowance, operation.rate, locked.now);
    const held = heldBy(operation, subscription);
    const size = held !== null || operation.isFed ? 0 : stepSize({ allowed: left, underWay, rate: operation.rate });
    const result = size > 0 ? await this.work(client, operation, { size, filters }) : nothingDone(operation);
    const moved = movedBy(operation, result);
    await saveStep(client, operation.id, {
      ...result,
      done: result.done + told.done,
      failed: told.failed,
      allowance: { left: Number.isFinite(left) ? left - moved : 0, at: locked.now },
      waitsFor: held,
      waitMs: waitAfter({ isHeld: held !== null, size }),
    });
    const isSettled = result.isFed && underWay + result.fed === 0;
    return isSettled
      ? this.finish(client, operation, { status: 'done', error: null, moved })
      : { moved, isFinished: false };
  }

  /** Counting reads a row for each: what the operation knows of itself is a bound, and enough while there is room below it. */
  private async underWay(client: pg.ClientBase, operation: Operation): Promise<number> {
    const { id, isFed, rate, fed, done, failed } = operation;
    const most = Math.max(fed - done - failed, 0);
    return most === 0 || (!isFed && most < mostUnderWay(rate)) ? most : countUnderWay(client, id);
  }

  private async work(
    client: pg.ClientBase,
    operation: Operation,
    { size, filters }: { size: number; filters: readonly Filter[] },
  ): Promise<StepResult> {
    return operation.kind === 'replay'
      ? replayStep(client, operation, { size, filters, log: this.reader })
      : deadLetterStep(client, operation, { size, filter: filters[0] });
  }

  /** The filters events have to pass, or what is wrong with one that was stored by a version with other rules. */
  private filtersOf({ request }: Operation, subscription: OperatedSubscription): readonly Filter[] | string {
    const texts =
      request.of === 'replay'
        ? [subscription.filter, request.filter]
        : [request.of === 'filter' ? (request.filter.expression ?? null) : null];
    const filters: Filter[] = [];
    for (const text of texts) {
      if (text === null) continue;
      const compiled = this.filters.compile(text);
      if (compiled.kind === 'malformed') return `filter: ${compiled.detail}`;
      filters.push(compiled.filter);
    }
    return filters;
  }

  private async finish(
    client: pg.ClientBase,
    { id, kind, subscription }: Operation,
    end: { status: 'done' | 'failed' | 'cancelled'; error: string | null; moved?: number },
  ): Promise<Stepped> {
    const { status, error, moved = 0 } = end;
    await finishOperation(client, id, { status, error });
    this.options.log.info('operation.finished', {
      operation: id,
      kind,
      subscription,
      status,
      error: error ?? undefined,
    });
    return { moved, isFinished: true };
  }
}

/** Nothing is sent to a subscription that is not active, so nothing more is set going for it. */
function heldBy({ kind }: Operation, { state }: OperatedSubscription): string | null {
  return kind === 'discard' || state === 'active' ? null : `the subscription is ${state}`;
}

function movedBy({ kind }: Operation, { fed, done }: StepResult): number {
  return kind === 'discard' ? done : fed;
}

function waitAfter({ isHeld, size }: { isHeld: boolean; size: number }): number {
  if (isHeld) return waitMs.paused;
  return size > 0 ? waitMs.busy : waitMs.settling;
}

function nothingDone({ progress, isFed }: Operation): StepResult {
  return { progress, isFed, fed: 0, done: 0, failed: 0, skipped: 0 };
}
