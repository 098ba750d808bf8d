import { parseBatchResults } from '@hookcast/protocol';
import { answerBatch, answerOne, answerRefusal, type Handled } from './hook-answer.js';

test.each([
  ['done', 204],
  ['failed', 500],
  ['unhandled', 404],
] as const)('one event that is %s answers %i', (handled, status) => {
  expect(answerOne(handled)).toEqual({ status, headers: {}, body: '' });
});

const batch = (...handled: Handled[]) => handled.map((one, at) => ({ id: `e${at}`, handled: one }));

test('a batch that is done answers 204', () => {
  expect(answerBatch(batch('done', 'done'))).toMatchObject({ status: 204, body: '' });
});

test('a batch names the events to try again, in the form the broker reads', () => {
  const answer = answerBatch(batch('done', 'failed', 'unhandled', 'done'));
  expect(answer.status).toBe(200);
  expect(parseBatchResults(Buffer.from(answer.body))).toEqual([
    { id: 'e1', verdict: 'retry' },
    { id: 'e2', verdict: 'retry' },
  ]);
});

test('a batch of which nothing is settled has failed', () => {
  expect(answerBatch(batch('failed', 'failed'))).toMatchObject({ status: 500, body: '' });
});

test('a batch with more failures than the broker would read has failed as a whole', () => {
  const answer = answerBatch(batch('done', ...Array.from({ length: 400 }, () => 'failed' as const)));
  expect(answer).toMatchObject({ status: 500, body: '' });
});

test.each([
  ['no-match', 401],
  ['malformed-event', 400],
  ['too-large', 413],
  ['no-keys', 503],
] as const)('a refusal for %s says %i and nothing else', (reason, status) => {
  expect(answerRefusal(reason)).toMatchObject({ status, body: '' });
});
