import { formatPosition } from '@hookcast/log';
import type { OwedStream, Page, Standing } from './reconciliation-store.js';

export const violationKinds = [
  'assignment-missing',
  'cursor-missing',
  'cursor-ahead',
  'counters-short',
  'event-missing',
  'retry-lost',
  'dead-letter-lost',
  'no-trace',
] as const;

/** Something that an accepted event is owed and that the tables do not show. */
export interface Violation {
  kind: (typeof violationKinds)[number];
  subscription: string | null;
  topic: string;
  position: string | null;
  eventId: string | null;
  detail: string;
}

/** Names a violation, to find it again in a second look. */
export function violationKey({ kind, subscription, topic, position }: Violation): string {
  return [kind, subscription, topic, position].join('\n');
}

/** What is wrong with cursors as such. Pure. */
export function standingViolations(
  standing: Standing,
  matches: (patterns: string[], topic: string) => boolean,
): Violation[] {
  const cursors = new Map(standing.cursors.map((one) => [`${one.streamId}/${one.subscriptionId}`, one]));
  const found: Violation[] = [];
  for (const stream of standing.streams) {
    if (!stream.isAssignable) found.push(unassigned(stream));
    for (const subscription of standing.subscriptions) {
      const cursor = cursors.get(`${stream.streamId}/${subscription.id}`);
      const isOwed = subscription.namespace === stream.namespace && matches(subscription.topics, stream.topic);
      const say = sayer(stream, subscription.name);
      if (isOwed && !cursor)
        found.push(say('cursor-missing', 'It matches the topic but has no cursor on this stream.'));
      if (!cursor) continue;
      if (cursor.isAhead)
        found.push(say('cursor-ahead', `It has settled more than the ${stream.headSeq} events there are.`));
      if (cursor.settled > cursor.accounted) {
        const detail = `${cursor.settled} deliveries are settled, ${cursor.accounted} are accounted for.`;
        found.push(say('counters-short', detail));
      }
    }
  }
  return found;
}

function unassigned({ streamId, topic }: OwedStream): Violation {
  const detail = 'No worker can own the stream, so nothing of it is delivered.';
  const position = formatPosition(streamId, 0);
  return { kind: 'assignment-missing', subscription: null, topic, position, eventId: null, detail };
}

function sayer({ streamId, topic }: OwedStream, subscription: string) {
  return (kind: Violation['kind'], detail: string): Violation => ({
    kind,
    subscription,
    topic,
    position: formatPosition(streamId, 0),
    eventId: null,
    detail,
  });
}

/**
 * Positions that no event has although their day is there. Positions are dense: only a day that went leaves a gap, and
 * events of one stream go from the front. Pure.
 */
export function missingEvents(
  page: Page,
  {
    stream,
    afterSeq,
    days,
    isLastPage,
  }: { stream: OwedStream; afterSeq: number; days: readonly string[]; isLastPage: boolean },
): Violation[] {
  const inside = page.gaps.filter(({ fromDay, toDay }) => areAllThere(days, fromDay, toDay));
  const gaps = inside.map(({ fromSeq, toSeq }) => ({ from: fromSeq + 1, to: toSeq - 1 }));
  const end = page.events === 0 ? afterSeq : page.lastSeq;
  if (isLastPage && stream.isFresh && end < page.headSeq) gaps.push({ from: end + 1, to: page.headSeq });
  return gaps.map(({ from, to }) => ({
    kind: 'event-missing',
    subscription: null,
    topic: stream.topic,
    position: formatPosition(stream.streamId, from),
    eventId: null,
    detail: `${to - from + 1} accepted events up to ${formatPosition(stream.streamId, to)} are not in the log.`,
  }));
}

function areAllThere(days: readonly string[], from: string, to: string): boolean {
  const start = toTime(from);
  const dayMs = 86_400_000;
  for (let at = start; at <= toTime(to); at += dayMs) {
    if (!days.includes(new Date(at).toISOString().slice(0, 10).replaceAll('-', ''))) return false;
  }
  return true;
}

function toTime(day: string): number {
  return Date.UTC(Number(day.slice(0, 4)), Number(day.slice(4, 6)) - 1, Number(day.slice(6, 8)));
}
