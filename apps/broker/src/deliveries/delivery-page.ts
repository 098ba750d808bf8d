import { formatPosition, parsePosition } from '@hookcast/log';
import type { ListedDelivery } from './delivery-lists-store.js';

/** Larger than every seq: where a first page begins. */
const end = Number.MAX_SAFE_INTEGER;

export function firstPage(streamIds: readonly number[]): ReadonlyMap<number, number> {
  return new Map(streamIds.map((streamId) => [streamId, end]));
}

/** Takes the newest entries over all streams, and says where each stream goes on. */
export function takePage(
  found: readonly ListedDelivery[],
  before: ReadonlyMap<number, number>,
  limit: number,
): { taken: ListedDelivery[]; next: ReadonlyMap<number, number> | null } {
  const taken = found.toSorted(newestFirst).slice(0, limit);
  const next = new Map(before);
  // Inside a stream entries come in descending order of seq, so the last one taken is the lowest.
  for (const { streamId, seq } of taken) next.set(streamId, Math.min(seq, next.get(streamId) ?? end));
  return { taken, next: found.length > taken.length ? next : null };
}

function newestFirst(a: ListedDelivery, b: ListedDelivery): number {
  if (a.streamId === b.streamId) return b.seq - a.seq;
  return b.at.getTime() - a.at.getTime() || a.streamId - b.streamId;
}

/** Only streams that were read already; others still begin at their end. */
export function encodeBefore(before: ReadonlyMap<number, number>): string {
  const parts = [...before].filter(([, seq]) => seq < end).map(([streamId, seq]) => formatPosition(streamId, seq));
  return Buffer.from(parts.join(',')).toString('base64url');
}

export function decodeBefore(cursor: string, streamIds: readonly number[]): ReadonlyMap<number, number> | undefined {
  const before = new Map(firstPage(streamIds));
  for (const part of Buffer.from(cursor, 'base64url').toString('latin1').split(',')) {
    const position = parsePosition(part);
    if (!position) return undefined;
    // A topic that was deleted between two pages took its streams with it.
    if (before.has(position.streamId)) before.set(position.streamId, position.seq);
  }
  return before;
}
