import { setImmediate } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { Subscription } from '@hookcast/database';
import { eventView, replayableStreams, type ReplayableStream, type ReplayRange } from '@hookcast/delivery';
import { compileFilter, type Filter } from '@hookcast/filter';
import { findPlaces, LogReader, type StoredEvent } from '@hookcast/log';
import { parseTimestamp } from '@hookcast/protocol';
import type pg from 'pg';
import { invalid } from '../http/validation.js';
import type { Asking } from '../repetition/asking.js';
import { DATA_POOL } from '../runtime.js';
import { filterFault } from '../subscriptions/subscription-declarations.js';
import { SubscriptionsService } from '../subscriptions/subscriptions.service.js';
import type { DryRunResponse, OperationResponse, ReplayRequest } from './operation.dto.js';
import { OperationsService, sampleSize } from './operations.service.js';
import { parsePositions } from '../http/positions.js';

const defaultRate = 200;
/** Events that a dry run looks at for its filters, and at a time. */
const lookedAt = 1_000;
const pageEvents = 100;

type Seqs = ReadonlyMap<number, number>;

/** Delivers past events to a subscription again. */
@Injectable()
export class Replays {
  constructor(
    @Inject(DATA_POOL) private readonly pool: pg.Pool,
    private readonly reader: LogReader,
    private readonly subscriptions: SubscriptionsService,
    private readonly operations: OperationsService,
  ) {}

  /** @throws Problem subscription-not-found, validation-failed */
  async begin(name: string, request: ReplayRequest, asking: Asking): Promise<OperationResponse | DryRunResponse> {
    const filter = request.filter ?? null;
    const detail = filterFault(filter);
    if (detail !== undefined) throw invalid([{ pointer: '/filter', detail }]);
    refuseBackwards(request);
    const subscription = await this.subscriptions.find(name);
    const ranges = await this.rangesOf(subscription, request);
    const total = ranges.reduce((sum, { after, upTo }) => sum + upTo - after, 0);
    if (request.dryRun === true) return this.tried(subscription, { ranges, total, filter });
    return this.operations.begin(
      {
        kind: 'replay',
        subscription,
        request: { of: 'replay', ranges, filter },
        rate: request.rate ?? defaultRate,
        total,
      },
      asking,
    );
  }

  private async rangesOf({ id }: Subscription, { from, to }: ReplayRequest): Promise<ReplayRange[]> {
    const streams = await replayableStreams(this.pool, id);
    const [starts, ends] = [await this.startsOf(streams, from), await this.endsOf(streams, to)];
    const oldest = await findPlaces(this.pool, [...starts.keys()]);
    return streams.flatMap(({ head, ...stream }) => {
      const after = Math.max(starts.get(stream.streamId) ?? head, oldest.get(stream.streamId)?.seq ?? head);
      const upTo = Math.min(ends.get(stream.streamId) ?? 0, head);
      return starts.has(stream.streamId) && upTo > after ? [{ stream, after, upTo }] : [];
    });
  }

  /** The seq before the first event, of each stream that is meant. */
  private async startsOf(streams: readonly ReplayableStream[], from: string): Promise<Seqs> {
    const ids = streams.map(({ streamId }) => streamId);
    if (from === 'earliest') return seqsOf(await findPlaces(this.pool, ids));
    const at = parseTimestamp(from);
    if (at) return seqsOf(await findPlaces(this.pool, ids, at));
    const positions = positionsIn(streams, from, '/from', 'must be earliest, an RFC 3339 time or a position');
    return new Map([...positions].map(([streamId, seq]) => [streamId, Math.max(seq - 1, 0)]));
  }

  /** The seq of the last event. */
  private async endsOf(streams: readonly ReplayableStream[], to: string | undefined): Promise<Seqs> {
    if (to === undefined) return new Map(streams.map(({ streamId, head }) => [streamId, head]));
    const at = parseTimestamp(to);
    const ids = streams.map(({ streamId }) => streamId);
    if (at) return seqsOf(await findPlaces(this.pool, ids, at));
    return positionsIn(streams, to, '/to', 'must be an RFC 3339 time or a position');
  }

  private async tried(
    subscription: Subscription,
    { ranges, total, filter }: { ranges: readonly ReplayRange[]; total: number; filter: string | null },
  ): Promise<DryRunResponse> {
    const filters = compiled([subscription.filter, filter]);
    const { matching, isWhole } = await this.look(ranges, filters);
    const size = filters.length === 0 ? { total, isExact: true } : boundOf({ total, matching, isWhole });
    return this.operations.tried({ kind: 'replay', subscription, size, events: matching });
  }

  private async look(
    ranges: readonly ReplayRange[],
    filters: readonly Filter[],
  ): Promise<{ matching: StoredEvent[]; isWhole: boolean }> {
    const matching: StoredEvent[] = [];
    let left = filters.length === 0 ? sampleSize : lookedAt;
    for (const { stream, after, upTo } of ranges) {
      let seq = after;
      while (seq < upTo) {
        if (left <= 0) return { matching, isWhole: false };
        const page = await this.reader.read(stream, { seq }, { events: Math.min(left, pageEvents, upTo - seq) });
        const events = page.filter((event) => event.seq <= upTo);
        left -= events.length;
        matching.push(
          ...events.filter((event) => filters.every((one) => one.matches(eventView(event)).kind === 'match')),
        );
        seq = events.at(-1)?.seq ?? upTo;
        // Costly evaluations must not keep publishers waiting.
        await setImmediate();
      }
    }
    return { matching, isWhole: true };
  }
}

function refuseBackwards({ from, to }: ReplayRequest): void {
  const [start, end] = [parseTimestamp(from), to === undefined ? undefined : parseTimestamp(to)];
  if (start && end && end <= start) throw invalid([{ pointer: '/to', detail: 'must be later than from' }]);
}

/** With filters only what was looked at is known; the range is the bound for the rest. */
function boundOf({ total, matching, isWhole }: { total: number; matching: readonly unknown[]; isWhole: boolean }) {
  return isWhole ? { total: matching.length, isExact: true } : { total, isExact: false };
}

function compiled(texts: readonly (string | null)[]): Filter[] {
  return texts.flatMap((text) => {
    if (text === null) return [];
    const result = compileFilter(text);
    return result.kind === 'ok' ? [result.filter] : [];
  });
}

function seqsOf(places: ReadonlyMap<number, { seq: number }>): Seqs {
  return new Map([...places].map(([streamId, { seq }]) => [streamId, seq]));
}

function positionsIn(streams: readonly ReplayableStream[], text: string, pointer: string, rule: string): Seqs {
  const positions = parsePositions(text);
  if (!positions) throw invalid([{ pointer, detail: rule }]);
  const known = new Set(streams.map(({ streamId }) => streamId));
  const foreign = [...positions.keys()].find((streamId) => !known.has(streamId));
  if (foreign !== undefined)
    throw invalid([{ pointer, detail: `names stream ${foreign}, which the subscription does not read` }]);
  return positions;
}
