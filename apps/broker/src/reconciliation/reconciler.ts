import { performance } from 'node:perf_hooks';
import { Inject, Injectable } from '@nestjs/common';
import { formatPosition, LogReader, type Position } from '@hookcast/log';
import type pg from 'pg';
import { DATA_POOL, RUNTIME, type Runtime } from '../runtime.js';
import { matchesAny } from '../topics/topic-creation.js';
import { FilteredDeliveries, type Unexplained } from './filtered-deliveries.js';
import { firstSeq, readPage, readStanding, type OwedStream, type Standing } from './reconciliation-store.js';
import { missingEvents, standingViolations, violationKey, type Violation } from './violation.js';

/** What a look at some of the log came to. */
export interface Reconciliation {
  events: number;
  /** Deliveries judged, by what became of them. */
  deliveries: Record<string, number>;
  /** Those of them that nothing could be said about, since their successes are not recorded. */
  unchecked: number;
  violations: Violation[];
  /** Where to go on; undefined at the end. */
  next: Position | undefined;
}

/** How far one look goes. */
interface Bounds {
  /** Of the events. */
  limit: number;
  namespace: string | undefined;
  /** Whether it ends here. @param cost events so far, and what streams without any count for */
  isOver: (here: Position, cost: number) => boolean;
}

/**
 * A step is a request that somebody waits for: many streams, or many subscriptions of one, take the time of many pages,
 * whatever their events.
 */
const stepMs = 500;
/** Deliveries of one statement, roughly. */
const deliveriesPerPage = 2_000;
const sampleWindow = 50;
/** What a stream without events costs of the events that a step may look at. */
const streamCost = 10;

/**
 * Proves from the tables alone that every accepted event is, for every subscription it is owed to, delivered, waiting,
 * retrying, dead-lettered, filtered, dropped or expired and counted. It shares no code with what delivers.
 */
@Injectable()
export class Reconciler {
  private readonly filtered: FilteredDeliveries;

  constructor(
    @Inject(DATA_POOL) private readonly pool: pg.Pool,
    reader: LogReader,
    @Inject(RUNTIME) private readonly runtime: Runtime,
  ) {
    this.filtered = new FilteredDeliveries(pool, reader);
  }

  /**
   * Looks at up to `limit` events behind a place, in the order of streams and positions, for as long as `budgetMs` lasts
   * but at one page at least; without a place also at all cursors. What looks wrong is looked at twice: a day may have
   * gone in between.
   *
   * @param namespace undefined: all
   */
  async step(
    place: Position | undefined,
    { limit, namespace, budgetMs = stepMs }: { limit: number; namespace: string | undefined; budgetMs?: number },
  ): Promise<Reconciliation> {
    const end = performance.now() + budgetMs;
    const isOver = (_: Position, cost: number) => cost >= limit || (cost > 0 && performance.now() >= end);
    const first = await this.look(place, { limit, namespace, isOver });
    if (first.violations.length === 0) return first;
    const { next } = first;
    const again = await this.look(place, {
      limit: Infinity,
      namespace,
      isOver: (here) => next !== undefined && !isBefore(here, next),
    });
    const confirmed = new Set(again.violations.map(violationKey));
    return { ...first, violations: first.violations.filter((one) => confirmed.has(violationKey(one))) };
  }

  /** Looks at all cursors and at a few stretches of the log, chosen at random. */
  async sample(events: number, random: () => number): Promise<Reconciliation> {
    const standing = await this.standing(undefined);
    const streams = standing.streams.filter(({ headSeq }) => headSeq > 0);
    const total = await this.confirmedStanding(standing);
    for (let left = events; left > 0 && streams.length > 0; left -= sampleWindow) {
      const stream = streams[Math.floor(random() * streams.length)];
      const oldest = stream && (await firstSeq(this.pool, stream.streamId));
      if (!stream || oldest === undefined) continue;
      const seq = oldest - 1 + Math.floor(random() * (stream.headSeq - oldest + 1));
      add(total, await this.confirmedPage(stream, seq));
    }
    return total;
  }

  private async confirmedStanding(standing: Standing): Promise<Reconciliation> {
    const violations = standingViolations(standing, matchesAny);
    if (violations.length === 0) return nothing();
    const again = new Set(standingViolations(await this.standing(undefined), matchesAny).map(violationKey));
    return { ...nothing(), violations: violations.filter((one) => again.has(violationKey(one))) };
  }

  private async confirmedPage(stream: OwedStream, afterSeq: number): Promise<Reconciliation> {
    const look = async () => this.page(stream, { afterSeq, limit: sampleWindow }, await this.standing(undefined));
    const { page } = await look();
    if (page.violations.length === 0) return page;
    const again = new Set((await look()).page.violations.map(violationKey));
    return { ...page, violations: page.violations.filter((one) => again.has(violationKey(one))) };
  }

  private async look(place: Position | undefined, { limit, namespace, isOver }: Bounds): Promise<Reconciliation> {
    const standing = await this.standing(namespace);
    const total = nothing();
    if (!place) total.violations.push(...standingViolations(standing, matchesAny));
    const streams = standing.streams.filter(({ streamId }) => streamId >= (place?.streamId ?? 0));
    let cost = 0;
    for (const stream of streams) {
      let here = { streamId: stream.streamId, seq: stream.streamId === place?.streamId ? place.seq : 0 };
      for (let isMore = true; isMore;) {
        if (isOver(here, cost)) return { ...total, next: here };
        const query = { afterSeq: here.seq, limit: limit - cost };
        const { page, lastSeq, isLast } = await this.page(stream, query, standing);
        add(total, page);
        cost += Math.max(page.events, streamCost);
        here = { ...here, seq: lastSeq };
        isMore = !isLast;
      }
    }
    return total;
  }

  private async page(
    stream: OwedStream,
    { afterSeq, limit }: { afterSeq: number; limit: number },
    { subscriptions, cursors, days }: Standing,
  ): Promise<{ page: Reconciliation; lastSeq: number; isLast: boolean }> {
    const readers = cursors.filter(({ streamId }) => streamId === stream.streamId).length;
    const size = Math.max(1, Math.min(limit, Math.floor(deliveriesPerPage / Math.max(readers, 1))));
    const byId = new Map(subscriptions.map((one) => [one.id, one]));
    const query = { streamId: stream.streamId, afterSeq, limit: size, subscriptionIds: [...byId.keys()] };
    const page = await readPage(this.pool, query);
    const isLast = page.events < size;
    const isRecorded = this.runtime.config.attemptLog === 'all';
    // With only failures recorded, a success leaves no trace of its own, be it the first attempt, one after others that
    // failed or that of a redriven dead letter; the counters of its cursor have it.
    const unexplained = await this.filtered.without(isRecorded ? page.suspects : [], {
      streamId: stream.streamId,
      subscriptions: byId,
    });
    const violations = [
      ...missingEvents(page, { stream, afterSeq, days, isLastPage: isLast }),
      ...unexplained.map((one) => lostDelivery(one, stream, byId.get(one.subscriptionId)?.name ?? '')),
    ];
    const unchecked = isRecorded ? 0 : page.suspects.length;
    const result = { events: page.events, deliveries: page.counts, unchecked, violations, next: undefined };
    return { page: result, lastSeq: page.lastSeq, isLast };
  }

  private async standing(namespace: string | undefined): Promise<Standing> {
    const standing = await readStanding(this.pool, this.runtime.config.retentionDays);
    if (namespace === undefined) return standing;
    return {
      ...standing,
      subscriptions: standing.subscriptions.filter((one) => one.namespace === namespace),
      streams: standing.streams.filter((one) => one.namespace === namespace),
    };
  }
}

const isBefore = (one: Position, other: Position): boolean =>
  one.streamId < other.streamId || (one.streamId === other.streamId && one.seq < other.seq);

function nothing(): Reconciliation {
  return { events: 0, deliveries: {}, unchecked: 0, violations: [], next: undefined };
}

function add(total: Reconciliation, part: Reconciliation): void {
  total.events += part.events;
  total.unchecked += part.unchecked;
  total.violations.push(...part.violations);
  for (const [state, count] of Object.entries(part.deliveries)) {
    total.deliveries[state] = (total.deliveries[state] ?? 0) + count;
  }
}

function lostDelivery({ state, seq, eventId }: Unexplained, stream: OwedStream, subscription: string): Violation {
  const details = {
    'no-trace': 'The cursor has passed it, and there is no attempt, retry, dead letter or filter that explains it.',
    'retry-lost': 'Its last attempt failed, and no retry or dead letter is there.',
    'dead-letter-lost': 'It was given up, and its dead letter is not there, though nobody discarded it.',
  };
  return {
    kind: state,
    subscription,
    topic: stream.topic,
    position: formatPosition(stream.streamId, seq),
    eventId,
    detail: details[state],
  };
}
