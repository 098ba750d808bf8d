import type { HookResponse } from '@hookcast/egress';
import fc from 'fast-check';
import { decide, type AttemptContext, type Outcome } from './outcome.js';

const now = Date.UTC(2026, 10, 24);
const context: AttemptContext = {
  attempt: 1,
  policy: { retry: { schedule: [1, 60], jitter: 0 }, nonRetryable: [400, 503] },
  now,
  expiresAt: Number.POSITIVE_INFINITY,
  random: () => 0.5,
};

const answer = (status: number, headers: Record<string, string | string[]> = {}): HookResponse => ({
  kind: 'answered',
  status,
  headers,
  body: Buffer.alloc(0),
  durationMs: 12,
});
const failure = (
  error: 'timeout' | 'dns' | 'refused' | 'reset' | 'tls' | 'blocked' | 'protocol' | 'other',
): HookResponse => ({
  kind: 'failed',
  error,
  detail: 'why',
  log: 'secretly why',
  durationMs: 12,
  requestSent: true,
  reusedSocket: false,
  answerStarted: false,
});
const retryIn = (ms: number, error: string, pauseMs?: number): Outcome => ({
  kind: 'retry',
  at: now + ms,
  error,
  ...(pauseMs === undefined ? {} : { pauseUntil: now + pauseMs }),
});
const verdict = 'verdict: the hook asked for it';

test.each<[string, HookResponse, Outcome]>([
  ['200 is delivered', answer(200), { kind: 'delivered' }],
  ['204 is delivered', answer(204), { kind: 'delivered' }],
  ['299 is delivered', answer(299), { kind: 'delivered' }],
  [
    '2xx is delivered though its body was cut short',
    { ...answer(200), bodyError: 'cut' } as HookResponse,
    { kind: 'delivered' },
  ],
  ['302 is retried', answer(302, { location: 'http://elsewhere' }), retryIn(1_000, 'status: 302')],
  ['400 dead-letters when listed', answer(400), { kind: 'dead', reason: 'non-retryable', error: 'status: 400' }],
  ['404 is retried', answer(404), retryIn(1_000, 'status: 404')],
  ['408 is retried', answer(408), retryIn(1_000, 'status: 408')],
  ['410 suspends the subscription', answer(410), { kind: 'suspend', reason: 'gone', error: 'status: 410' }],
  ['429 without Retry-After is retried on the schedule', answer(429), retryIn(1_000, 'status: 429')],
  [
    '429 with Retry-After pauses the hook',
    answer(429, { 'retry-after': '30' }),
    retryIn(30_000, 'status: 429', 30_000),
  ],
  ['500 is retried', answer(500), retryIn(1_000, 'status: 500')],
  [
    '502 with nonsense in Retry-After is retried on the schedule',
    answer(502, { 'retry-after': 'later' }),
    retryIn(1_000, 'status: 502'),
  ],
  [
    '504 with Retry-After shorter than the schedule waits as long as the schedule',
    answer(504, { 'retry-after': '0' }),
    retryIn(1_000, 'status: 504'),
  ],
  ['503 dead-letters when listed', answer(503), { kind: 'dead', reason: 'non-retryable', error: 'status: 503' }],
  ['a timeout is retried', failure('timeout'), retryIn(1_000, 'timeout: why')],
  ['a name that is not found is retried', failure('dns'), retryIn(1_000, 'dns: why')],
  ['a refused connection is retried', failure('refused'), retryIn(1_000, 'refused: why')],
  ['a reset is retried', failure('reset'), retryIn(1_000, 'reset: why')],
  ['a TLS failure is retried', failure('tls'), retryIn(1_000, 'tls: why')],
  ['a forbidden address is retried', failure('blocked'), retryIn(1_000, 'blocked: why')],
  ['verdict ok overrides the status', answer(500, { 'hookcast-verdict': 'ok' }), { kind: 'delivered' }],
  ['verdict drop overrides the status', answer(200, { 'hookcast-verdict': 'drop' }), { kind: 'dropped' }],
  [
    'verdict dead-letter overrides the status',
    answer(200, { 'hookcast-verdict': 'dead-letter' }),
    { kind: 'dead', reason: 'verdict', error: verdict },
  ],
  ['verdict retry overrides the status', answer(200, { 'hookcast-verdict': 'retry' }), retryIn(1_000, verdict)],
  [
    'verdict retry with Retry-After delays this event alone',
    answer(200, { 'hookcast-verdict': 'retry', 'retry-after': '90' }),
    retryIn(90_000, verdict),
  ],
  [
    'an unknown verdict leaves the word to the status',
    answer(200, { 'hookcast-verdict': 'maybe' }),
    { kind: 'delivered' },
  ],
])('%s', (_name, response, expected) => {
  expect(decide(response, context)).toEqual(expected);
});

test('the attempt after the last of the schedule is the last', () => {
  expect(decide(answer(500), { ...context, attempt: 2 })).toMatchObject({ kind: 'retry', at: now + 60_000 });
  expect(decide(answer(500), { ...context, attempt: 3 })).toEqual({
    kind: 'dead',
    reason: 'exhausted',
    error: 'status: 500',
  });
});

test('an event that expires before its next attempt is looked at again when it does', () => {
  expect(decide(answer(500), { ...context, attempt: 2, expiresAt: now + 5_000 })).toMatchObject({ at: now + 5_000 });
});

test('a delivery never waits in the past, nor beyond schedule and Retry-After', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 300, max: 599 }),
      fc.integer({ min: 1, max: 4 }),
      fc.option(fc.integer({ min: 0, max: 10 ** 9 })),
      (status, attempt, wait) => {
        const headers: Record<string, string> = wait === null ? {} : { 'retry-after': String(wait) };
        const outcome = decide(answer(status, headers), { ...context, attempt });
        expect(['retry', 'dead', 'suspend']).toContain(outcome.kind);
        if (outcome.kind !== 'retry') return;
        expect(outcome.at).toBeGreaterThan(now);
        expect(outcome.at).toBeLessThanOrEqual(now + Math.max(60_000, Math.min((wait ?? 0) * 1000, 86_400_000)));
      },
    ),
  );
});
