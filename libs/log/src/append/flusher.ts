import { appendBatches, inspectBatch, type AppendContext, type Inspection } from './append-log.js';
import type { AppendConnection, AppendSession } from './append-connection.js';
import type { AppendRequest } from './append-request.js';
import type { Day } from '../days/day.js';
import { failureOf, reasonOf } from './failure.js';
import {
  appendedEvents,
  idsIn,
  planFlush,
  seqsOf,
  type AppendedEvent,
  type FlushPlan,
  type PlannedRequest,
  type StreamBatch,
  type StreamResult,
} from './flush-plan.js';

/**
 * - appended: committed; one entry for each event, in the order given
 * - conflict: these ids are stored (or given in the same request) with other bytes; nothing of the request was stored
 * - unavailable: the log cannot say whether it is stored; the publisher repeats it with the same ids. `isFull`: it is
 *   not, for want of space
 * - unknown-topic: the topic was deleted; nothing was stored
 */
export type AppendResult =
  | { kind: 'appended'; events: AppendedEvent[] }
  | { kind: 'conflict'; ids: string[] }
  | { kind: 'unavailable'; reason: string; retryAfterSeconds: number; isFull?: true }
  | { kind: 'unknown-topic' };

export interface FlushReport<R> {
  answers: Map<R, AppendResult>;
  /** Postgres took exception to their content. */
  failures: Map<R, unknown>;
  /** For the next flush to decide. */
  deferred: R[];
  /** Stream → last position, of what was stored. */
  heads: Map<number, number>;
  lost: Lost | undefined;
}

type Attempt<R extends AppendRequest> =
  | { kind: 'stored'; results: Map<StreamBatch, StreamResult> }
  | { kind: 'refused'; left: PlannedRequest<R>[] }
  | { kind: 'again' }
  | { kind: 'data'; error: unknown }
  | Unavailable;

interface Unavailable {
  kind: 'unavailable';
  /** For the publisher. */
  reason: string;
  isFull?: true;
  /** The connection is of no use any more. The detail may name hosts: it is for the operator. */
  lost?: Lost;
}

interface Lost {
  detail: string;
  /** There is no other to be had. */
  unreachable: boolean;
}

interface During<R> {
  session: AppendSession;
  context: AppendContext;
  report: FlushReport<R>;
}

/** Each try fails only when another process got in between, so this many in a row mean that something is wrong. */
const mostTries = 12;

export interface FlusherOptions {
  connection: AppendConnection;
  /** The time of storing; undefined for the database's own clock. */
  now: (() => Date) | undefined;
  /** Creates the partition of a day and of the day before. */
  makeDay: (day: Day) => Promise<unknown>;
  retryAfterSeconds: number;
}

/** Stores the requests of one batch and finds the answer for each of them. Never throws for what a server may do. */
export class Flusher<R extends AppendRequest> {
  constructor(private readonly options: FlusherOptions) {}

  async flush(requests: readonly R[]): Promise<FlushReport<R>> {
    const report: FlushReport<R> = {
      answers: new Map(),
      failures: new Map(),
      deferred: [],
      heads: new Map(),
      lost: undefined,
    };
    await this.store(requests, report);
    return report;
  }

  private async store(requests: readonly R[], report: FlushReport<R>): Promise<void> {
    let left = requests;
    for (let tries = 1; left.length > 0; tries += 1) {
      const plan = planFlush(left);
      report.deferred.push(...plan.deferred);
      left = plan.requests.map(({ request }) => request);
      const attempt: Attempt<R> =
        tries > mostTries
          ? { kind: 'unavailable', reason: 'other processes publish the same events' }
          : await this.attempt(plan, report);
      switch (attempt.kind) {
        case 'stored':
          return this.answerStored(plan, attempt.results, report);
        case 'refused':
          left = attempt.left.map(({ request }) => request);
          break;
        case 'again':
          break;
        case 'data':
          return this.isolate(left, attempt.error, report);
        case 'unavailable':
          return this.answerUnavailable(left, attempt, report);
      }
    }
  }

  private async attempt(plan: FlushPlan<R>, report: FlushReport<R>): Promise<Attempt<R>> {
    let session: AppendSession;
    try {
      session = await this.options.connection.open();
    } catch (error) {
      const lost = { detail: reasonOf(error), unreachable: true };
      return { kind: 'unavailable', reason: 'the database cannot be reached', lost };
    }
    const { day, grown, contention } = session;
    const context = { day, now: this.options.now?.(), grown, contention };
    try {
      const results = await appendBatches(session.client, plan.batches, context);
      for (const { batch, known } of results.values()) {
        if (known.size < batch.rows.length) session.grown.add(batch.streamId);
      }
      return { kind: 'stored', results };
    } catch (error) {
      return this.explain(error, plan, { session, context, report });
    }
  }

  private async explain(error: unknown, plan: FlushPlan<R>, during: During<R>): Promise<Attempt<R>> {
    switch (failureOf(error)) {
      case 'refused':
        return this.answerRefused(plan, during).catch(unavailable);
      case 'raced':
        return { kind: 'again' };
      case 'no-day':
        return this.options.makeDay(during.context.day).then(
          () => ({ kind: 'again' }),
          () => unavailable(error),
        );
      case 'data':
        return { kind: 'data', error };
      case 'full':
        return { kind: 'unavailable', reason: 'the database has no space left', isFull: true };
      case 'disconnected':
      case 'unavailable':
        return unavailable(error);
    }
  }

  /** Answers the requests that are at fault. None is when another process or midnight was: all are left then. */
  private async answerRefused(plan: FlushPlan<R>, { session, context, report }: During<R>): Promise<Attempt<R>> {
    const gone = new Set<StreamBatch>();
    const conflicts = new Map<StreamBatch, ReadonlySet<number>>();
    let day = context.day;
    for (const batch of plan.batches) {
      const found: Inspection = await inspectBatch(session.client, batch, context);
      if (!found.exists) gone.add(batch);
      if (found.conflicts.size > 0) conflicts.set(batch, found.conflicts);
      if (found.exists && found.day > day) day = found.day;
    }
    if (day !== context.day) {
      await this.options.connection.moveTo(day);
      conflicts.clear(); // looked up among the days before: the next try decides
    } else if (gone.size === 0 && conflicts.size === 0) {
      session.contention.noticed(plan.batches.map(({ streamId }) => streamId));
    }
    const left = plan.requests.filter((planned) => {
      const ids = idsIn(planned, conflicts);
      if (planned.slots.some(({ batch }) => gone.has(batch))) {
        report.answers.set(planned.request, { kind: 'unknown-topic' });
        return false;
      }
      if (ids.length > 0) report.answers.set(planned.request, { kind: 'conflict', ids });
      return ids.length === 0;
    });
    return { kind: 'refused', left };
  }

  private answerStored(
    plan: FlushPlan<R>,
    results: ReadonlyMap<StreamBatch, StreamResult>,
    report: FlushReport<R>,
  ): void {
    const stored = new Map([...results].map(([batch, result]) => [batch, { result, seqs: seqsOf(batch, result) }]));
    for (const planned of plan.requests) {
      report.answers.set(planned.request, { kind: 'appended', events: appendedEvents(planned, stored) });
    }
    for (const { batch, headSeq, known } of results.values()) {
      if (known.size < batch.rows.length) report.heads.set(batch.streamId, headSeq);
    }
  }

  /** One request at a time, so that the one at fault fails alone. */
  private async isolate(requests: readonly R[], error: unknown, report: FlushReport<R>): Promise<void> {
    const [first] = requests;
    if (first && requests.length === 1) report.failures.set(first, error);
    else for (const request of requests) await this.store([request], report);
  }

  private answerUnavailable(
    requests: readonly R[],
    { reason, isFull, lost }: Unavailable,
    report: FlushReport<R>,
  ): void {
    const { retryAfterSeconds } = this.options;
    const answer: AppendResult = { kind: 'unavailable', reason, retryAfterSeconds, ...(isFull && { isFull }) };
    for (const request of requests) report.answers.set(request, answer);
    if (lost) report.lost = lost;
  }
}

function unavailable(error: unknown): Unavailable {
  const reason = reasonOf(error);
  if (failureOf(error) !== 'disconnected') return { kind: 'unavailable', reason };
  return { kind: 'unavailable', reason, lost: { detail: reason, unreachable: false } };
}
