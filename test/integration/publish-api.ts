import { isDeepStrictEqual } from 'node:util';
import { parseBatch, parseStructured, type CloudEvent } from '@hookcast/protocol';
import { hookServer, type HookServer, type ReceivedRequest, type ScriptedAnswer } from '../support/hook-server.js';

/**
 * The publish section of the HTTP contract on a real server, with a log in memory: stores a request whole or not at all,
 * knows ids again, refuses `subject: "poison"`. `server.answer()` scripts what the next requests get instead.
 */
export interface PublishApi {
  server: HookServer;
  url: string;
  /** In the order they were stored. */
  stored: CloudEvent[];
  /** Ids of each request that was received, whether it was stored or not. */
  requests(): string[][];
  /** Holds back every answer until the returned function is called. */
  hold(): () => void;
  /** Answers so many milliseconds later from now on. */
  answerAfter(ms: number): void;
  /** Answers 503 and stores nothing until `back()`. */
  away(): void;
  back(): void;
  /** Topics outside of the key's scope from now on. */
  forbid(...topics: string[]): void;
  close(): Promise<void>;
}

export async function publishApi(
  options: { namesGuilty?: boolean; maxBatchEvents?: number } = {},
): Promise<PublishApi> {
  const server = await hookServer();
  const stored: CloudEvent[] = [];
  let gate: Promise<void> = Promise.resolve();
  let isAway = false;
  let forbidden: readonly string[] = [];
  let afterMs = 0;
  server.respondWith(async (request) => {
    await gate;
    if (isAway) return 503;
    return { ...store(stored, request, { ...options, forbidden }), delayMs: afterMs };
  });
  return {
    server,
    url: server.url,
    stored,
    requests: () => server.requests.map((request) => eventsOf(request).map(({ id }) => id)),
    hold: () => {
      let open = () => {};
      gate = new Promise((resolve) => (open = resolve));
      return open;
    },
    answerAfter: (ms) => void (afterMs = ms),
    away: () => void (isAway = true),
    back: () => void (isAway = false),
    forbid: (...topics) => void (forbidden = topics),
    close: () => server.close(),
  };
}

const isBatch = ({ headers }: ReceivedRequest) => headers['content-type'] === 'application/cloudevents-batch+json';

function eventsOf(request: ReceivedRequest): CloudEvent[] {
  const result = isBatch(request) ? parseBatch(request.body) : parseStructured(request.body);
  if (result.kind === 'malformed') throw new Error(`${JSON.stringify(result.errors)} in ${request.body.toString()}`);
  return Array.isArray(result.value) ? result.value : [result.value];
}

interface Rules {
  forbidden: readonly string[];
  namesGuilty?: boolean;
  maxBatchEvents?: number;
}

function store(
  stored: CloudEvent[],
  request: ReceivedRequest,
  { maxBatchEvents = 1_000, forbidden, ...rules }: Rules,
): ScriptedAnswer {
  const topic = /^\/v1\/topics\/([^/]+)\/events$/.exec(request.url)?.[1];
  if (topic === undefined) return problem(404, 'route-not-found');
  if (request.headers.authorization !== 'Bearer good-key') return problem(401, 'unauthenticated');
  if (forbidden.includes(topic)) return problem(403, 'forbidden');
  if (topic.startsWith('hookcast.')) return problem(403, 'topic-reserved');
  const events = eventsOf(request);
  if (events.length > maxBatchEvents) return problem(413, 'payload-too-large');
  return (
    refusal(stored, events, { ...rules, isBatch: isBatch(request) }) ?? append(stored, events, topic, isBatch(request))
  );
}

function refusal(
  stored: readonly CloudEvent[],
  events: readonly CloudEvent[],
  { namesGuilty = true, isBatch: inBatch }: { namesGuilty?: boolean; isBatch: boolean },
): ScriptedAnswer | undefined {
  const pointers = (isGuilty: (event: CloudEvent) => boolean, name: string) =>
    events.flatMap((event, index) => (isGuilty(event) ? [`${inBatch ? `/${index}` : ''}/${name}`] : []));
  const isConflict = (event: CloudEvent) =>
    stored.some((other) => other.id === event.id && !isDeepStrictEqual(other, event));
  const poison = pointers(({ subject }) => subject === 'poison', 'subject');
  if (poison.length > 0) return problem(422, 'validation-failed', namesGuilty ? poison : []);
  const conflicts = pointers(isConflict, 'id');
  return conflicts.length > 0 ? problem(409, 'event-id-conflict', namesGuilty ? conflicts : []) : undefined;
}

function append(stored: CloudEvent[], events: readonly CloudEvent[], topic: string, inBatch: boolean): ScriptedAnswer {
  const results = events.map((event) => {
    const found = stored.findIndex(({ id }) => id === event.id);
    const seq = found < 0 ? stored.push(event) : found + 1;
    return { id: event.id, topic, position: `1:${seq}`, duplicate: found >= 0 };
  });
  const body = JSON.stringify(inBatch ? { events: results } : results[0]);
  return { status: 201, headers: { 'content-type': 'application/json' }, body };
}

function problem(status: number, code: string, pointers: string[] = []): ScriptedAnswer {
  const errors = pointers.map((pointer) => ({ pointer, detail: 'is refused by the test' }));
  const body = JSON.stringify({ type: `about:${code}`, title: code, status, code, instance: 'req-1', errors });
  return { status, headers: { 'content-type': 'application/problem+json' }, body };
}
