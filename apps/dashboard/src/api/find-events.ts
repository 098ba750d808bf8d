import { apiTime, keyOfEvent, shortlyBefore } from '../words/event-search.js';
import { segment, type ApiClient, type Query } from './client.js';
import type { BusEvent } from './event-model.js';
import type { Page, Topic } from './model.js';

const pageSize = 50;
/** Events of one request, the most that the API gives. */
const readSize = 200;
/** Requests of one search by key, which then shows what it has. */
const mostRequests = 10;

export interface EventSearch {
  topic: string;
  query: Readonly<Record<string, string>>;
  signal: AbortSignal;
}

/** The newest events of a topic, or those from a time or place on, as many as fit a page. */
export async function findEvents(client: ApiClient, search: EventSearch): Promise<Page<BusEvent>> {
  const { key, cursor } = search.query;
  const from = apiTime(search.query['from']);
  const isOpen = from === undefined && cursor === undefined && key === undefined;
  if (isOpen) return newestEvents(client, search);
  const start = cursor === undefined ? { from: from ?? 'earliest' } : { after: cursor };
  return key === undefined
    ? readEvents(client, search, { ...start, limit: pageSize })
    : eventsOfKey(client, search, start);
}

async function newestEvents(client: ApiClient, search: EventSearch): Promise<Page<BusEvent>> {
  const { headPositions } = await client.get<Topic>(`topics/${segment(search.topic)}`, {}, search.signal);
  const each = Math.max(1, Math.floor(readSize / Math.max(1, headPositions.length)));
  const after = shortlyBefore(headPositions, each);
  if (after === '') return { items: [], nextCursor: null };
  const { items } = await readEvents(client, search, { after, limit: readSize });
  const newest = items.toSorted((a, b) => b.publishedAt.localeCompare(a.publishedAt));
  return { items: newest.slice(0, pageSize), nextCursor: null };
}

/** The key is not indexed, so the log is read until a page is full or the reading has taken enough. */
async function eventsOfKey(client: ApiClient, search: EventSearch, start: Query): Promise<Page<BusEvent>> {
  const found: BusEvent[] = [];
  let place = start;
  for (let turn = 0; turn < mostRequests && found.length < pageSize; turn += 1) {
    const page = await readEvents(client, search, { ...place, limit: readSize });
    found.push(...page.items.filter((event) => keyOfEvent(event) === search.query['key']));
    if (page.nextCursor === null) return { items: found, nextCursor: null };
    place = { after: page.nextCursor };
  }
  return { items: found, nextCursor: typeof place['after'] === 'string' ? place['after'] : null };
}

/** The log has a next place always; where nothing came there is no next page to show. */
async function readEvents(client: ApiClient, { topic, signal }: EventSearch, query: Query): Promise<Page<BusEvent>> {
  const page = await client.get<Page<BusEvent>>(`topics/${segment(topic)}/events`, query, signal);
  return page.items.length < Number(query['limit']) ? { ...page, nextCursor: null } : page;
}
