import { readFileSync } from 'node:fs';
import type { EventAttributes, StoredEvent } from '@hookcast/log';
import { verify } from '@hookcast/protocol';
import { HookEvent, type HookFormat } from './hook-event.js';
import { callRequest } from './batch-request.js';
import { hookRequest, hookTemplate, type BatchPolicy, type HookRequest } from './hook-request.js';
import { decide, type AttemptContext } from '../outcome/outcome.js';

/*
 * docs/vectors is what an SDK in another language is written against. The files are not written by this code; when one
 * of these tests fails, the wire has changed.
 */

interface RequestVector {
  name: string;
  event: {
    id: string;
    topic: string;
    type: string;
    source: string;
    subject?: string;
    time?: string;
    key?: string;
    contentType?: string;
    traceparent?: string;
    extensions?: Record<string, string>;
    scalars?: string[];
    storedAt: string;
    position: string;
    dataBase64?: string;
  };
  subscription: { name: string; format: HookFormat; secrets: string[] };
  attempt: number;
  replay: boolean;
  timestamp: number;
  headers: Record<string, string>;
  bodyBase64: string;
}

interface BatchVector extends Omit<RequestVector, 'event' | 'attempt' | 'subscription'> {
  events: [RequestVector['event'], ...RequestVector['event'][]];
  attempts: number[];
  subscription: { name: string; secrets: string[]; batch: BatchPolicy };
}

type Told = Pick<RequestVector, 'headers' | 'bodyBase64' | 'timestamp'>;

interface AnswerVector {
  name: string;
  answer: { status: number; headers: Record<string, string> };
  outcome: string;
  reason?: string;
  waitSeconds?: number;
  pausesHook?: boolean;
}

const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../../docs/vectors/${name}.json`, import.meta.url), 'utf8'));
const { requests, batches } = read('hook-requests') as { requests: RequestVector[]; batches: BatchVector[] };
const { answers } = read('hook-answers') as { answers: AnswerVector[] };
const bytes = (base64: string) => Buffer.from(base64, 'base64');

function stored({ storedAt, position, dataBase64, ...event }: RequestVector['event']): StoredEvent {
  const [streamId, seq] = position.split(':').map(Number) as [number, number];
  const { time, traceparent, extensions, scalars, ...columns } = event;
  const attributes: EventAttributes = {
    ...(time === undefined ? {} : { time }),
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(extensions === undefined ? {} : { extensions }),
    ...(scalars === undefined ? {} : { scalars }),
  };
  const data = dataBase64 === undefined ? undefined : bytes(dataBase64);
  return { ...columns, data, attributes, streamId, seq, createdAt: new Date(storedAt) };
}

const target = { url: 'http://hook', timeoutMs: 1_000, headers: {}, signature: 'hmac', signingKeys: [] } as const;

function expectAsTold(request: HookRequest, vector: Told, secrets: string[]): void {
  const { 'user-agent': userAgent, ...headers } = request.headers;
  expect(userAgent).toBe('Hookcast');
  expect(request.body.toString()).toBe(bytes(vector.bodyBase64).toString());
  expect(headers).toEqual(vector.headers);
  const now = new Date(vector.timestamp * 1000);
  expect(verify(request, { secrets }, { now })).toEqual({ kind: 'verified' });
}

test.each(requests)('hook-requests.json: $name', (vector) => {
  const template = hookTemplate({ ...target, ...vector.subscription, batch: null }, 'Hookcast');
  const attempt = { number: vector.attempt, isReplay: vector.replay };
  const request = hookRequest(template, new HookEvent(stored(vector.event)), attempt, vector.timestamp);
  expectAsTold(request, vector, vector.subscription.secrets);
});

test.each(batches)('hook-requests.json, batches: $name', (vector) => {
  const template = hookTemplate({ ...target, ...vector.subscription, format: 'cloudevents' }, 'Hookcast');
  const [first, ...others] = vector.events;
  const events = [new HookEvent(stored(first)), ...others.map((event) => new HookEvent(stored(event)))] as const;
  const attempt = { number: Math.max(...vector.attempts), isReplay: vector.replay, each: vector.attempts };
  const request = callRequest(template, events, attempt, vector.timestamp);
  expectAsTold(request, vector, vector.subscription.secrets);
});

test.each(answers)('hook-answers.json: $name is $outcome', ({ answer, outcome, reason, waitSeconds, pausesHook }) => {
  const now = Date.UTC(2026, 8, 21, 14, 13, 20);
  const context: AttemptContext = {
    attempt: 1,
    policy: { retry: { schedule: [1, 60], jitter: 0 }, nonRetryable: [400, 413, 422] },
    now,
    expiresAt: Number.POSITIVE_INFINITY,
    random: () => 0.5,
  };
  const decided = decide({ kind: 'answered', ...answer, body: Buffer.alloc(0), durationMs: 1 }, context);
  expect(decided.kind).toBe(outcome);
  if (decided.kind === 'dead') expect(decided.reason).toBe(reason);
  if (decided.kind !== 'retry') return;
  if (waitSeconds !== undefined) expect(decided.at - now).toBe(waitSeconds * 1_000);
  expect(decided.pauseUntil).toBe(pausesHook === true ? now + (waitSeconds ?? 0) * 1_000 : undefined);
});
