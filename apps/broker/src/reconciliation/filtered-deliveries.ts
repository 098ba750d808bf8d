import { setImmediate } from 'node:timers/promises';
import { eventView } from '@hookcast/delivery';
import { compileFilter, type Filter } from '@hookcast/filter';
import { LogReader, type StoredEvent } from '@hookcast/log';
import type pg from 'pg';
import { readPastFilters, type OwedSubscription, type Suspect } from './reconciliation-store.js';

/** A worker that has not yet heard of a change goes by the filter before for a few seconds. */
const hearsayMs = 60_000;
const eventsPerRead = 200;

/** A suspect with its event, which no filter explains. */
export interface Unexplained extends Suspect {
  eventId: string;
}

/** Tells deliveries that a filter kept back, now or when it was in force, from those that are lost. */
export class FilteredDeliveries {
  constructor(
    private readonly pool: pg.Pool,
    private readonly reader: LogReader,
  ) {}

  /** Those that no filter explains. An event that has gone meanwhile is owed to nobody any more. */
  async without(
    suspects: readonly Suspect[],
    { streamId, subscriptions }: { streamId: number; subscriptions: ReadonlyMap<number, OwedSubscription> },
  ): Promise<Unexplained[]> {
    if (suspects.length === 0) return [];
    const ids = [...new Set(suspects.map(({ subscriptionId }) => subscriptionId))];
    const filters = await this.filtersOf(ids, subscriptions);
    const left: Unexplained[] = [];
    for (let from = 0; from < suspects.length; from += eventsPerRead) {
      const slice = suspects.slice(from, from + eventsPerRead);
      const events = await this.eventsOf(slice, streamId);
      for (const suspect of slice) {
        const event = events.get(suspect.seq);
        if (event && !isKeptBack(suspect, event, filters.get(suspect.subscriptionId) ?? [])) {
          left.push({ ...suspect, eventId: event.id });
        }
      }
      // Evaluations are bounded in cost, not free: publishers wait for the same event loop.
      await setImmediate();
    }
    return left;
  }

  private async eventsOf(suspects: readonly Suspect[], streamId: number): Promise<Map<number, StoredEvent>> {
    const times = new Map(suspects.map(({ seq, eventAt }) => [seq, eventAt]));
    const found = await this.reader.readAt([...times].map(([seq, createdAt]) => ({ streamId, seq, createdAt })));
    return new Map(found.map((event) => [event.seq, event]));
  }

  private async filtersOf(ids: number[], subscriptions: ReadonlyMap<number, OwedSubscription>) {
    const filters = new Map<number, { filter: Filter; until: number }[]>(ids.map((id) => [id, []]));
    const add = (id: number, text: string, until: number) => {
      const compiled = compileFilter(text);
      if (compiled.kind === 'ok') filters.get(id)?.push({ filter: compiled.filter, until });
    };
    for (const id of ids) {
      const filter = subscriptions.get(id)?.filter;
      if (filter != null) add(id, filter, Number.POSITIVE_INFINITY);
    }
    for (const past of await readPastFilters(this.pool, ids))
      add(past.subscriptionId, past.filter, past.until.getTime());
    return filters;
  }
}

function isKeptBack(
  { state, hasMoved, eventAt }: Suspect,
  event: StoredEvent,
  filters: readonly { filter: Filter; until: number }[],
): boolean {
  // What was tried was wanted, unless a seek has brought it before another filter.
  if ((state !== 'no-trace' && !hasMoved) || filters.length === 0) return false;
  const view = eventView(event);
  return filters.some(
    ({ filter, until }) => until >= eventAt.getTime() - hearsayMs && filter.matches(view).kind !== 'match',
  );
}
