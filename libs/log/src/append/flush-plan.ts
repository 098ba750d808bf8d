import type { AppendRequest, RequestItem } from './append-request.js';
import { isRepetition, type EventColumns } from '../event.js';
import { formatPosition } from '../reading/position.js';

/** The events of one flush for one stream: each id once. */
export interface StreamBatch {
  streamId: number;
  rows: EventColumns[];
}

/** What the log did with a batch. */
export interface StreamResult {
  batch: StreamBatch;
  /** The position of the last event now in the stream. */
  headSeq: number;
  /** Row index → position, for the rows that had been stored before. The others follow each other up to headSeq. */
  known: ReadonlyMap<number, number>;
}

/** Where an item lies in its batch. */
interface Slot {
  batch: StreamBatch;
  row: number;
  /** False when another request of the flush brought the same event first. */
  own: boolean;
}

export interface PlannedRequest<R extends AppendRequest> {
  request: R;
  slots: readonly Slot[];
}

export interface FlushPlan<R extends AppendRequest> {
  /** Ascending by stream: the one order in which every process locks them, so that none waits in a circle. */
  batches: StreamBatch[];
  requests: PlannedRequest<R>[];
  /** They give an id of the flush other bytes. Whether that is a conflict is known once the flush is stored. */
  deferred: R[];
}

export interface AppendedEvent {
  id: string;
  position: string;
  duplicate: boolean;
}

/** A batch being filled, and where each id lies in it. */
interface Filling {
  batch: StreamBatch;
  rowOf: Map<string, number>;
}

/** Merges requests into one batch for each stream. An id that several bring is stored once. */
export function planFlush<R extends AppendRequest>(requests: readonly R[]): FlushPlan<R> {
  const streams = new Map<number, Filling>();
  const planned: PlannedRequest<R>[] = [];
  const deferred: R[] = [];
  for (const request of requests) {
    if (request.items.some((item) => clashes(streams.get(item.streamId), item))) deferred.push(request);
    else planned.push({ request, slots: request.items.map((item) => place(fillingOf(streams, item.streamId), item)) });
  }
  const batches = Array.from(streams.values(), ({ batch }) => batch).toSorted((a, b) => a.streamId - b.streamId);
  return { batches, requests: planned, deferred };
}

function clashes(filling: Filling | undefined, { columns }: RequestItem): boolean {
  const row = filling?.rowOf.get(columns.id);
  const first = row === undefined ? undefined : filling?.batch.rows[row];
  return first !== undefined && !isRepetition(first, columns);
}

function place({ batch, rowOf }: Filling, { columns }: RequestItem): Slot {
  const known = rowOf.get(columns.id);
  if (known !== undefined) return { batch, row: known, own: false };
  const row = batch.rows.push(columns) - 1;
  rowOf.set(columns.id, row);
  return { batch, row, own: true };
}

function fillingOf(streams: Map<number, Filling>, streamId: number): Filling {
  const known = streams.get(streamId);
  if (known) return known;
  const filling: Filling = { batch: { streamId, rows: [] }, rowOf: new Map() };
  streams.set(streamId, filling);
  return filling;
}

/** The position of each row of a batch. */
export function seqsOf(batch: StreamBatch, result: StreamResult): number[] {
  let next = result.headSeq - (batch.rows.length - result.known.size);
  return batch.rows.map((_row, index) => result.known.get(index) ?? ++next);
}

/** What to answer a request once its flush is stored: one entry for each event as given. */
export function appendedEvents(
  planned: PlannedRequest<AppendRequest>,
  stored: ReadonlyMap<StreamBatch, { result: StreamResult; seqs: readonly number[] }>,
): AppendedEvent[] {
  const { items, places } = planned.request;
  const answers = items.map((item, index) => {
    const slot = planned.slots[index];
    const batch = slot && stored.get(slot.batch);
    const seq = batch?.seqs[slot?.row ?? -1];
    if (!slot || !batch || seq === undefined) throw new Error(`Event ${item.columns.id} was not part of the flush`);
    const duplicate = !slot.own || batch.result.known.has(slot.row);
    return { id: item.columns.id, position: formatPosition(item.streamId, seq), duplicate };
  });
  const answered = new Set<number>();
  return places.map((index) => {
    const answer = answers[index];
    if (!answer) throw new Error(`No item ${index}`);
    if (answered.has(index)) return { ...answer, duplicate: true };
    answered.add(index);
    return answer;
  });
}

/** The ids of a request's items that lie in these rows. */
export function idsIn(
  planned: PlannedRequest<AppendRequest>,
  rows: ReadonlyMap<StreamBatch, ReadonlySet<number>>,
): string[] {
  return planned.request.items
    .filter((_item, index) => {
      const slot = planned.slots[index];
      return slot !== undefined && rows.get(slot.batch)?.has(slot.row) === true;
    })
    .map((item) => item.columns.id);
}
