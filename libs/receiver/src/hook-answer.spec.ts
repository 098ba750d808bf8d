import { parseBatchResults } from '@hookcast/protocol';
import { DeadLetter, Drop, handledOf, Retry, RetryAfter, type Handled } from './handler-verdict.js';
import { answerBatch, answerOne, answerRefusal } from './hook-answer.js';

const done: Handled = { kind: 'done' };
const failed: Handled = { kind: 'failed' };
const unhandled: Handled = { kind: 'unhandled' };

test.each([
  [done, 204, {}],
  [failed, 500, {}],
  [unhandled, 404, {}],
  [{ kind: 'held' as const }, 503, { 'hookcast-verdict': 'retry', 'retry-after': '1' }],
  [handledOf([new Retry()]), 503, { 'hookcast-verdict': 'retry' }],
  [handledOf([new RetryAfter(90.2)]), 503, { 'hookcast-verdict': 'retry', 'retry-after': '91' }],
  [handledOf([new Drop()]), 204, { 'hookcast-verdict': 'drop' }],
  [handledOf([new DeadLetter()]), 422, { 'hookcast-verdict': 'dead-letter' }],
])('one event that ended as %o answers %i', (handled, status, headers) => {
  expect(answerOne(handled)).toEqual({ status, headers, body: '' });
});

test.each([
  ['a failure before any verdict', [new Drop(), new Error('broken'), new RetryAfter(5)], { kind: 'failed' }],
  ['the longest wait', [new RetryAfter(5), new Retry(), new RetryAfter(60)], { verdict: 'retry', afterSeconds: 60 }],
  ['another attempt before a dead letter', [new DeadLetter(), new Retry()], { verdict: 'retry' }],
  ['a dead letter before a drop', [new Drop(), new DeadLetter()], { verdict: 'dead-letter' }],
])('of several handlers of an event %s speaks', (_, thrown, expected) => {
  expect(handledOf(thrown)).toMatchObject(expected);
});

test.each([-1, Number.NaN, Infinity])('RetryAfter takes no %d', (seconds) => {
  expect(() => new RetryAfter(seconds)).toThrow(RangeError);
});

const batch = (...handled: Handled[]) => handled.map((one, at) => ({ id: `e${at}`, handled: one }));

test('a batch that is done answers 204', () => {
  expect(answerBatch(batch(done, done))).toMatchObject({ status: 204, body: '' });
});

test('a batch names the verdict of each event that is not settled, in the form the broker reads', () => {
  const answer = answerBatch(
    batch(done, failed, unhandled, handledOf([new Drop()]), handledOf([new DeadLetter()]), handledOf([new Retry()])),
  );
  expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'application/json' } });
  expect(parseBatchResults(Buffer.from(answer.body))).toEqual([
    { id: 'e1', verdict: 'retry' },
    { id: 'e2', verdict: 'retry' },
    { id: 'e3', verdict: 'drop' },
    { id: 'e4', verdict: 'dead-letter' },
    { id: 'e5', verdict: 'retry' },
  ]);
});

test('the longest wait that an event of a batch asks for is that of the batch', () => {
  const answer = answerBatch(batch(done, handledOf([new RetryAfter(7)]), handledOf([new RetryAfter(70)])));
  expect(answer.headers['retry-after']).toBe('70');
});

test.each([
  ['failed', failed, 500],
  ['unhandled', unhandled, 404],
] as const)('a batch of which every event is %s is answered like one', (_, handled, status) => {
  expect(answerBatch(batch(handled, handled))).toMatchObject({ status, body: '' });
});

const uuid = (at: number) => `018f7d2e-7a3b-7c4d-8e5f-${String(at).padStart(12, '0')}`;

test('a thousand results with UUIDs are read whole', () => {
  const handled = Array.from({ length: 1_000 }, (_, at) => ({ id: uuid(at), handled: at === 0 ? done : failed }));
  const { status, body } = answerBatch(handled);
  expect(status).toBe(200);
  expect(Buffer.byteLength(body)).toBeLessThan(65_536);
  expect(parseBatchResults(Buffer.from(body))).toHaveLength(999);
});

test('results over what the broker reads leave out the word retry, and stay complete', () => {
  const handled = Array.from({ length: 1_000 }, (_, at) => ({
    id: `${uuid(at)}-${uuid(at)}`.slice(0, 50),
    handled: at % 2 === 0 ? failed : handledOf([new DeadLetter()]),
  }));
  const { status, body } = answerBatch(handled);
  expect(status).toBe(200);
  const results = parseBatchResults(Buffer.from(body)) ?? [];
  expect(results.map(({ verdict }) => verdict)).toEqual(
    handled.map((_, at) => (at % 2 === 0 ? 'retry' : 'dead-letter')),
  );
});

test.each([
  ['no-match', 401],
  ['malformed-event', 400],
  ['too-large', 413],
  ['no-keys', 503],
] as const)('a refusal for %s says %i and nothing else', (reason, status) => {
  expect(answerRefusal(reason)).toMatchObject({ status, body: '' });
});
