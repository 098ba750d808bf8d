import {
  batchWebhookId,
  formatAttempts,
  formatPositions,
  hookHeaders,
  joinBatch,
  mediaTypes,
  sign,
} from '@hookcast/protocol';
import type { HookEvent } from './hook-event.js';
import { hookRequest, type AttemptMark, type HookRequest, type HookTemplate } from './hook-request.js';

const batchType = `${mediaTypes.batch}; charset=utf-8`;

/** Verdicts may stand anywhere in what is read of an answer. */
const readBytes = 65_536;

/** Bytes that an event adds to a batch, with its comma. */
export const bytesInBatch = (event: HookEvent): number => event.body('cloudevents').bytes.length + 1;

/**
 * One request for these events: a batch where the subscription asked for batches, also for one event.
 *
 * @param events at least one, all of one topic
 * @param timestamp unix seconds
 */
export function callRequest(
  template: HookTemplate,
  events: readonly [HookEvent, ...HookEvent[]],
  attempt: AttemptMark,
  timestamp: number,
): HookRequest {
  return template.isBatch
    ? batchRequest(template, events, attempt, timestamp)
    : hookRequest(template, events[0], attempt, timestamp);
}

/** The events' own bytes, which all subscriptions share, joined and signed once. */
function batchRequest(
  template: HookTemplate,
  events: readonly [HookEvent, ...HookEvent[]],
  attempt: AttemptMark,
  timestamp: number,
): HookRequest {
  const [first] = events;
  const body = joinBatch(events.map((event) => event.body('cloudevents').bytes));
  const id = batchWebhookId(first.stored.id, events.length);
  const headers: Record<string, string> = {
    'user-agent': template.userAgent,
    'content-type': batchType,
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': sign({ id, timestamp, body }, template.keys),
    'hookcast-topic': first.stored.topic,
    'hookcast-subscription': template.subscription,
    'hookcast-attempt': String(attempt.number),
    'hookcast-position': first.position,
    'hookcast-hops': mostHops(events),
  };
  tellEach(headers, events, attempt);
  if (attempt.isReplay) headers[hookHeaders.replay] = 'true';
  if (template.headers !== undefined) Object.assign(headers, template.headers);
  const { url, timeoutMs, transport } = template;
  return { url, headers, body, timeoutMs, storedResponseBytes: readBytes, ...transport };
}

/** What the headers of one event say, for every event; attempts only where they differ. */
function tellEach(
  headers: Record<string, string>,
  events: readonly HookEvent[],
  { number, each = [] }: AttemptMark,
): void {
  const places = events.map(({ stored: { streamId }, seq }) => ({ streamId, seq }));
  const positions = events.length > 1 ? formatPositions(places) : undefined;
  const attempts = each.some((one) => one !== number) ? formatAttempts(each) : undefined;
  if (positions !== undefined) headers[hookHeaders.positions] = positions;
  if (attempts !== undefined) headers[hookHeaders.attempts] = attempts;
}

const mostHops = (events: readonly HookEvent[]): string =>
  String(events.reduce((most, { hops }) => Math.max(most, Number(hops)), 0));
