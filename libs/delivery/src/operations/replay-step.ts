import type { SqlSource } from '@hookcast/database';
import type { Filter } from '@hookcast/filter';
import type { LogReader, StoredEvent } from '@hookcast/log';
import { eventView } from '../reading/event-view.js';
import { feedReplays } from './feed-store.js';
import type { Operation, ReplayPlace, ReplayRange, ReplayRequest } from './operation.js';
import type { StepResult } from './operation-run-store.js';

/** Events that a filter may look at in one step, and bytes of data read for it. */
const lookedAtOnce = 256;
const pageBytes = 4 * 1_048_576;

/** Feeds the next events of a replay: from the stream whose place is furthest back in time, so that all come along together. */
export async function replayStep(
  transaction: SqlSource,
  operation: Operation,
  { size, filters, log }: { size: number; filters: readonly Filter[]; log: Pick<LogReader, 'read'> },
): Promise<StepResult> {
  const { request, progress } = operation;
  if (request.of !== 'replay' || progress.of !== 'replay') throw new Error(`A replay of ${request.of}`);
  const index = furthestBehind(request, progress.places);
  const [range, place] = [request.ranges[index], progress.places[index]];
  const nothing = { progress, fed: 0, done: 0, failed: 0, skipped: 0 };
  if (!range || !place) return { ...nothing, isFed: true };
  const events = await nextEvents(log, range, place, filters.length > 0 ? lookedAtOnce : Math.min(size, lookedAtOnce));
  const { matching, end } = upToSize(events, filters, size);
  const fed = matching.length === 0 ? 0 : await feedReplays(transaction, operation, matching);
  // Positions are dense: what is missing in between, or up to the end, went with its day.
  const next = end ? { seq: end.seq, at: end.createdAt.getTime() } : { seq: range.upTo, at: place.at };
  const places = progress.places.with(index, next);
  return {
    ...nothing,
    progress: { of: 'replay', places },
    isFed: furthestBehind(request, places) < 0,
    fed,
    skipped: next.seq - place.seq - fed,
  };
}

function furthestBehind({ ranges }: ReplayRequest, places: readonly ReplayPlace[]): number {
  let best = -1;
  for (const [index, { upTo }] of ranges.entries()) {
    const place = places[index];
    if (!place || place.seq >= upTo) continue;
    if (best < 0 || place.at < (places[best]?.at ?? 0)) best = index;
  }
  return best;
}

async function nextEvents(
  log: Pick<LogReader, 'read'>,
  { stream, upTo }: ReplayRange,
  { seq, at }: ReplayPlace,
  limit: number,
): Promise<StoredEvent[]> {
  const after = at > 0 ? { seq, at: new Date(at) } : { seq };
  const events = await log.read(stream, after, { events: Math.min(limit, upTo - seq), bytes: pageBytes });
  return events.filter((event) => event.seq <= upTo);
}

/** As many matching events as may be fed, and the last that was looked at for it. */
function upToSize(
  events: readonly StoredEvent[],
  filters: readonly Filter[],
  size: number,
): { matching: StoredEvent[]; end: StoredEvent | undefined } {
  const matching: StoredEvent[] = [];
  let end: StoredEvent | undefined;
  for (const event of events) {
    if (matching.length >= size) break;
    end = event;
    const view = filters.length > 0 ? eventView(event) : undefined;
    if (view === undefined || filters.every((filter) => filter.matches(view).kind === 'match')) matching.push(event);
  }
  return { matching, end };
}
