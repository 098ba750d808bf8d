import type { HookResponse } from '@hookcast/egress';
import { decide } from '../outcome/outcome.js';
import { endpointSign } from './endpoint-sign.js';

const answered = (status: number, headers: Record<string, string> = {}): HookResponse => ({
  kind: 'answered',
  status,
  headers,
  body: Buffer.alloc(0),
  durationMs: 1,
});
const failed = (error: Extract<HookResponse, { kind: 'failed' }>['error'], requestSent: boolean): HookResponse => ({
  kind: 'failed',
  error,
  detail: '',
  log: '',
  durationMs: 1,
  requestSent,
  answerStarted: false,
  reusedSocket: false,
});
const signOf = (response: HookResponse, nonRetryable: number[] = [], attempt = 1) => {
  const policy = { retry: { schedule: [1], jitter: 0 }, nonRetryable };
  return endpointSign(response, decide(response, { attempt, policy, now: 0, expiresAt: Infinity, random: () => 0 }));
};

test.each([
  [answered(204), 'alive'],
  [answered(302), 'alive'],
  [answered(400), 'alive'],
  [answered(404), 'alive'],
  [answered(410), 'alive'],
  [answered(408), 'failing'],
  [answered(425), 'failing'],
  [answered(429), 'failing'],
  [answered(500), 'failing'],
  [answered(503), 'failing'],
  [answered(503, { 'hookcast-verdict': 'retry' }), 'alive'],
  [answered(500, { 'hookcast-verdict': 'nonsense' }), 'failing'],
  [failed('timeout', true), 'failing'],
  [failed('reset', true), 'failing'],
  [failed('protocol', true), 'failing'],
  [failed('timeout', false), 'unreachable'],
  [failed('dns', false), 'unreachable'],
  [failed('refused', false), 'unreachable'],
  [failed('tls', false), 'unreachable'],
  [failed('blocked', false), 'unreachable'],
  [failed('aborted', true), 'none'],
  [failed('other', false), 'none'],
])('%#: an attempt says that the endpoint is %s', (response, sign) => {
  expect(signOf(response)).toBe(sign);
});

test('a status that the subscription lists speaks of the event, an exhausted schedule does not', () => {
  expect(signOf(answered(500), [500])).toBe('alive');
  expect(signOf(answered(500), [], 2)).toBe('failing');
});
