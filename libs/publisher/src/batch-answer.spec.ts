import { readAnswer } from './batch-answer.js';
import type { TransportAnswer } from './transport.js';

const sent = { topic: 'orders.created', ids: ['a', 'b', 'c'] };
const now = Date.UTC(2026, 10, 24, 12);

const answered = (status: number, body: unknown = '', retryAfter?: string): TransportAnswer => ({
  kind: 'answered',
  status,
  retryAfter,
  body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
});

const stored = (...ids: string[]) => ids.map((id, index) => ({ id, position: `3:${index}`, duplicate: id === 'b' }));

test('a 201 names where every event stands', () => {
  expect(readAnswer(answered(201, { events: stored('a', 'b', 'c') }), sent, now)).toEqual({
    kind: 'stored',
    events: [
      { id: 'a', topic: 'orders.created', position: '3:0', duplicate: false },
      { id: 'b', topic: 'orders.created', position: '3:1', duplicate: true },
      { id: 'c', topic: 'orders.created', position: '3:2', duplicate: false },
    ],
  });
});

test('a 201 for one event has no list', () => {
  const answer = readAnswer(answered(201, stored('a')[0]), { ...sent, ids: ['a'] }, now);
  expect(answer).toMatchObject({ kind: 'stored', events: [{ id: 'a', position: '3:0' }] });
});

test.each([
  ['is a web page', '<html>'],
  ['is empty', ''],
  ['misses an event', { events: stored('a', 'b') }],
  ['has one too many', { events: stored('a', 'b', 'c', 'd') }],
  ['names other events', { events: stored('a', 'c', 'b') }],
  ['has no positions', { events: [{ id: 'a' }, { id: 'b' }, { id: 'c' }] }],
])('a 200 whose body %s is no success', (_, body) => {
  expect(readAnswer(answered(200, body), sent, now)).toMatchObject({
    kind: 'retry',
    failure: { reason: 'bad-answer' },
  });
});

test.each([
  [408, 'unavailable'],
  [425, 'unavailable'],
  [429, 'rate-limited'],
  [500, 'unavailable'],
  [503, 'unavailable'],
] as const)('%i is tried again', (status, reason) => {
  const answer = readAnswer(answered(status, { code: 'unavailable', detail: 'later' }, '7'), sent, now);
  expect(answer).toMatchObject({
    kind: 'retry',
    retryAfterMs: 7_000,
    failure: { reason, status, message: `The broker answered ${status}: later`, problem: { code: 'unavailable' } },
  });
});

test('no answer is tried again', () => {
  const error = new Error('connect ECONNREFUSED');
  expect(readAnswer({ kind: 'failed', error }, sent, now)).toEqual({
    kind: 'retry',
    retryAfterMs: 0,
    failure: { reason: 'unreachable', message: 'connect ECONNREFUSED', cause: error },
  });
});

test.each([
  [401, 'unauthorized'],
  [403, 'unauthorized'],
  [413, 'too-large'],
] as const)('%i from a proxy', (status, reason) => {
  const one = { ...sent, ids: ['a'] };
  expect(readAnswer(answered(status, '<html>'), one, now)).toMatchObject({
    kind: 'refused',
    failure: { reason, status, message: `The broker answered ${status}` },
  });
});

test.each([
  [404, 'topic-not-found'],
  [404, 'route-not-found'],
  [415, 'unsupported-media-type'],
  [400, 'validation-failed'],
  [403, 'topic-reserved'],
])('%i %s refuses every event of the request', (status, code) => {
  expect(readAnswer(answered(status, { code }), sent, now)).toMatchObject({
    kind: 'refused',
    failure: { reason: 'refused', status, problem: { code } },
  });
});

test.each([
  [404, 'default backend - 404'],
  [400, '<html>'],
  [405, ''],
  [301, ''],
  [409, '{}'],
])('%i without a word about the events (%s) is tried again', (status, body) => {
  expect(readAnswer(answered(status, body), sent, now)).toMatchObject({
    kind: 'retry',
    failure: { reason: 'bad-answer', status },
  });
});

test('a request that was cut short on its way is tried again', () => {
  const answer = readAnswer(answered(400, { code: 'body-incomplete' }), sent, now);
  expect(answer).toMatchObject({ kind: 'retry', failure: { reason: 'unavailable', status: 400 } });
});

test('errors with pointers name the guilty events, each with its own errors', () => {
  const errors = [
    { pointer: '/1/subject', detail: 'must not be empty' },
    { pointer: '/1/time', detail: 'must be a time' },
    { pointer: '/2', detail: 'is no event' },
    { pointer: '/9/id', detail: 'is out of reach' },
    { pointer: '/limit', detail: 'is about something else' },
  ];
  const answer = readAnswer(answered(422, { code: 'validation-failed', errors }), sent, now);
  if (answer.kind !== 'guilty') throw new Error(answer.kind);
  expect([...answer.failures.keys()]).toEqual([1, 2]);
  expect(answer.failures.get(1)).toMatchObject({
    reason: 'refused',
    message: 'The broker answered 422: /subject must not be empty; /time must be a time',
    problem: { code: 'validation-failed', errors: [{ pointer: '/subject' }, { pointer: '/time' }] },
  });
  expect(answer.failures.get(2)?.problem?.errors).toEqual([{ pointer: '', detail: 'is no event' }]);
});

test.each([
  [409, 'conflict'],
  [413, 'too-large'],
  [422, 'refused'],
] as const)('a %i that names no event leaves open which one it was', (status, reason) => {
  const answer = answered(status, { code: 'some-code' });
  expect(readAnswer(answer, sent, now)).toMatchObject({ kind: 'unclear', failure: { reason } });
  expect(readAnswer(answer, { ...sent, ids: ['a'] }, now)).toMatchObject({ kind: 'refused' });
});
