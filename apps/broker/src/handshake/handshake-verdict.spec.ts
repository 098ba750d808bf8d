import type { HookResponse } from '@hookcast/egress';
import { readEchoAnswer, readOptionsAnswer } from './handshake-verdict.js';

const answered = (status: number, headers: Record<string, string | string[]> = {}, body = ''): HookResponse => ({
  kind: 'answered',
  status,
  headers,
  body: Buffer.from(body),
  durationMs: 1,
});
const failed: HookResponse = {
  kind: 'failed',
  error: 'refused',
  detail: 'The connection was refused.',
  log: '',
  durationMs: 1,
  requestSent: false,
  answerStarted: false,
  reusedSocket: false,
};

test.each([
  ['our origin', 'bus.test', null],
  ['our origin in other letters', 'BUS.test', null],
  ['any origin', '*', null],
])('%s is consent', (_, allowed, allowedRate) => {
  expect(readOptionsAnswer(answered(200, { 'webhook-allowed-origin': allowed }), 'bus.test')).toEqual({
    kind: 'granted',
    by: 'options',
    allowedRate,
  });
});

test.each([
  ['120', 120],
  ['*', null],
  ['0', null],
  ['-1', null],
  ['1e3', null],
  ['10, 20', null],
])('an allowed rate of %s means %s events a minute', (text, allowedRate) => {
  const headers = { 'webhook-allowed-origin': '*', 'webhook-allowed-rate': text };
  expect(readOptionsAnswer(answered(204, headers), 'bus.test')).toMatchObject({ kind: 'granted', allowedRate });
});

test.each([200, 403])('only an origin that is not ours is a refusal, with status %i too', (status) => {
  const answer = answered(status, { 'webhook-allowed-origin': 'other.test' });
  expect(readOptionsAnswer(answer, 'bus.test').kind).toBe('refused');
});

test.each([200, 204, 301, 401, 403, 404, 405, 410, 500, 501])('a %i without the header says nothing', (status) => {
  expect(readOptionsAnswer(answered(status), 'bus.test').kind).toBe('unsupported');
});

test('consent needs a success too', () => {
  expect(readOptionsAnswer(answered(500, { 'webhook-allowed-origin': '*' }), 'bus.test').kind).toBe('unsupported');
});

test('an echo is exactly the text that was sent', () => {
  expect(readEchoAnswer(answered(200, {}, 'abc'), 'abc')).toMatchObject({ kind: 'granted', by: 'echo' });
  expect(readEchoAnswer(answered(200, {}, '<p>abc</p>'), 'abc').kind).toBe('unsupported');
  expect(readEchoAnswer(answered(404, {}, 'abc'), 'abc').kind).toBe('unsupported');
});

test('no answer is neither', () => {
  expect([readOptionsAnswer(failed, 'bus.test').kind, readEchoAnswer(failed, 'x').kind]).toEqual([
    'unreachable',
    'unreachable',
  ]);
});
