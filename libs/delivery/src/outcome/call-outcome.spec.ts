import type { HookResponse } from '@hookcast/egress';
import { decideBatch, type CallOutcome } from './call-outcome.js';

const now = Date.UTC(2026, 0, 1);
const policy = { retry: { schedule: [10, 60], jitter: 0.5 }, nonRetryable: [400, 422] };
const event = (id: string, attempt = 1) => ({ id, attempt, expiresAt: Number.POSITIVE_INFINITY });
const pair = [event('a'), event('b')];

const answered = (status: number, more: { body?: string; headers?: Record<string, string>; cut?: boolean } = {}) =>
  ({
    kind: 'answered',
    status,
    headers: more.headers ?? {},
    body: Buffer.from(more.body ?? ''),
    durationMs: 1,
    ...(more.cut && { bodyError: 'cut short' }),
  }) satisfies HookResponse;

const failed = (error: 'refused' | 'timeout' | 'reset', requestSent: boolean): HookResponse => ({
  kind: 'failed',
  error,
  detail: 'x',
  log: 'x',
  durationMs: 1,
  requestSent,
  answerStarted: false,
  reusedSocket: false,
});

const summary = ({ outcome, isAlone }: CallOutcome) => {
  const wait = outcome.kind === 'retry' ? ` +${(outcome.at - now) / 1000}` : '';
  return `${outcome.kind}${wait}${isAlone ? ' alone' : ''}`;
};
const outcomes = (response: HookResponse, events = pair) => {
  const draws = [0.5, 0.9];
  return decideBatch(response, events, { policy, now, random: () => draws.shift() ?? 0 }).map(summary);
};

const retry = 'retry +10';
const alone = 'retry +0 alone';

test.each<[string, HookResponse, [string, string]]>([
  ['2xx without a body', answered(204), ['delivered', 'delivered']],
  ['a body that is no answer to a batch', answered(200, { body: '{"ok":true}' }), ['delivered', 'delivered']],
  ['a body that is not JSON', answered(200, { body: '<html>' }), ['delivered', 'delivered']],
  ['results that are no list', answered(200, { body: '{"results":{}}' }), ['delivered', 'delivered']],
  ['a cut body', answered(200, { body: 'thank yo', cut: true }), ['delivered', 'delivered']],
  ['results cut short', answered(200, { body: '{"results":[{"id":"a","ver', cut: true }), [alone, alone]],
  ['results for one', answered(200, { body: '{"results":[{"id":"b","verdict":"retry"}]}' }), ['delivered', retry]],
  [
    'results for strangers',
    answered(200, { body: '{"results":[{"id":"z","verdict":"retry"}]}' }),
    ['delivered', 'delivered'],
  ],
  [
    'drop and dead-letter',
    answered(200, { body: '{"results":[{"id":"a","verdict":"drop"},{"id":"b","verdict":"dead-letter"}]}' }),
    ['dropped', 'dead'],
  ],
  ['an unknown verdict', answered(200, { body: '{"results":[{"id":"a","verdict":"maybe"}]}' }), [retry, 'delivered']],
  [
    'two verdicts on one event',
    answered(200, { body: '{"results":[{"id":"a","verdict":"drop"},{"id":"a","verdict":"ok"}]}' }),
    [retry, 'delivered'],
  ],
  ['results beside a failure', answered(500, { body: '{"results":[{"id":"a","verdict":"drop"}]}' }), [alone, alone]],
  ['a header verdict', answered(500, { headers: { 'hookcast-verdict': 'retry' } }), [retry, retry]],
  [
    'a header verdict over results',
    answered(200, { headers: { 'hookcast-verdict': 'drop' }, body: '{"results":[{"id":"a","verdict":"retry"}]}' }),
    ['dropped', 'dropped'],
  ],
  ['a header without a verdict', answered(500, { headers: { 'hookcast-verdict': 'what' } }), [alone, alone]],
  ['500', answered(500), [alone, alone]],
  ['a status that dead-letters', answered(422), [alone, alone]],
  ['413', answered(413), [alone, alone]],
  ['502', answered(502), [alone, alone]],
  ['500 with retry-after', answered(500, { headers: { 'retry-after': '3' } }), ['retry +3 alone', 'retry +3 alone']],
  ['503', answered(503), [retry, retry]],
  ['429', answered(429), [retry, retry]],
  ['404', answered(404), [retry, retry]],
  ['a redirect', answered(302), [retry, retry]],
  ['410', answered(410), ['suspend', 'suspend']],
  ['a refused connection', failed('refused', false), [retry, retry]],
  ['a connection that timed out', failed('timeout', false), [retry, retry]],
  ['no answer', failed('timeout', true), [alone, alone]],
  ['a reset', failed('reset', true), [alone, alone]],
])('%s', (_, response, expected) => {
  expect(outcomes(response)).toEqual(expected);
});

test('a batch of one speaks for its event', () => {
  const [one] = pair;
  const single = one ? [one] : [];
  expect(outcomes(answered(422), single)).toEqual(['dead']);
  expect(outcomes(answered(500), single)).toEqual([retry]);
  expect(outcomes(answered(200, { body: '{"results":[{"id":"a","verdict":"dead-letter"}]}' }), single)).toEqual([
    'dead',
  ]);
});

test('the events of a failed batch are tried by themselves even when their schedule is used up', () => {
  expect(outcomes(answered(500), [event('a', 3), event('b', 1)])).toEqual([alone, alone]);
  expect(outcomes(answered(429), [event('a', 3), event('b', 2)])).toEqual(['dead', 'retry +60']);
});

test.each([302, 402, 403, 404, 405, 503])(
  '%i may be about one event: a batch waits once, and then each goes by itself',
  (status) => {
    expect(outcomes(answered(status))).toEqual([retry, retry]);
    expect(outcomes(answered(status), [event('a', 2), event('b', 1)])).toEqual([alone, alone]);
    const noRetries = { retry: { schedule: [], jitter: 0 }, nonRetryable: [] };
    const found = decideBatch(answered(status), pair, { policy: noRetries, now, random: () => 0 });
    expect(found.map(summary)).toEqual([alone, alone]);
  },
);

test.each([401, 407, 408, 421, 425, 426, 429, 511])('%i is about the endpoint as a whole', (status) => {
  expect(outcomes(answered(status), [event('a', 2), event('b', 2)])).toEqual(['retry +60', 'retry +60']);
});

test('a success is one at any attempt', () => {
  expect(outcomes(answered(204), [event('a', 2), event('b', 4)])).toEqual(['delivered', 'delivered']);
});

test('503 with retry-after is about the endpoint as a whole', () => {
  const quiet = answered(503, { headers: { 'retry-after': '3' } });
  expect(outcomes(quiet, [event('a', 2), event('b', 2)])).toEqual(['retry +60', 'retry +60']);
});

test('one wait for all, so that they make a batch again', () => {
  const draws = [0.9, 0.1];
  const response = answered(503);
  const [a, b] = decideBatch(response, pair, { policy, now, random: () => draws.shift() ?? 0 });
  expect(a?.outcome).toEqual(b?.outcome);
});
