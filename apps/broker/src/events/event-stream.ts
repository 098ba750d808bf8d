import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { formatTopicCursor, type StoredEvent, type TopicCursor, type TopicLog, type TopicRef } from '@hookcast/log';
import { eventJson } from './event-json.js';

const pageEvents = 100;
/** Proxies cut connections that stay silent for long. */
const heartbeatMs = 15_000;

/**
 * Sends a topic as Server-Sent Events until the signal aborts or the client goes away. The id of each is the cursor
 * behind it, so that `Last-Event-ID` continues exactly there.
 */
export async function streamEvents(
  response: ServerResponse,
  log: Pick<TopicLog, 'poll'>,
  from: { topic: TopicRef; cursor: TopicCursor; signal: AbortSignal },
): Promise<void> {
  const { topic, signal } = from;
  let { cursor } = from;
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  // HEAD takes the same route, but has no body that could go on.
  if (response.req.method === 'HEAD') return void response.end();
  await send(response, ': open\n\n', signal);
  while (!signal.aborted) {
    const page = await log.poll(topic, cursor, { events: pageEvents, waitMs: heartbeatMs, signal });
    const frames = page.events.length > 0 ? framesOf(topic, page.events, cursor) : ': waiting\n\n';
    await send(response, frames, signal);
    cursor = page.next;
  }
  response.end();
}

function framesOf(topic: TopicRef, events: readonly StoredEvent[], from: TopicCursor): string {
  const cursor = new Map(from);
  return events.map((event) => frame(event, formatTopicCursor(topic, cursor.set(event.streamId, event.seq)))).join('');
}

/** Every line of the data needs its own field, and a reader joins them with line feeds (HTML, server-sent events). */
function frame(event: StoredEvent, id: string): string {
  const lines = eventJson(event).split(/\r\n|\r|\n/);
  return `id: ${id}\n${lines.map((line) => `data: ${line}\n`).join('')}\n`;
}

/** Waits for a slow client instead of buffering for it. */
async function send(response: ServerResponse, text: string, signal: AbortSignal): Promise<void> {
  if (signal.aborted || response.write(text)) return;
  try {
    await once(response, 'drain', { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
