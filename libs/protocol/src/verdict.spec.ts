import { parseBatchResults, parseVerdict } from './verdict.js';

test.each([
  ['ok', 'ok'],
  ['retry', 'retry'],
  ['drop', 'drop'],
  [' Dead-Letter ', 'dead-letter'],
  ['', undefined],
  ['dead_letter', undefined],
  ['retry, drop', undefined],
  [undefined, undefined],
])('the header %j gives the verdict %j', (value, verdict) => {
  expect(parseVerdict(value)).toBe(verdict);
});

const resultsIn = (body: string) => parseBatchResults(Buffer.from(body));

test('a batch answer gives a verdict for each event it names', () => {
  expect(
    resultsIn('{"results":[{"id":"a","verdict":"ok"},{"id":"b","verdict":"dead-letter","why":1}],"took":3}'),
  ).toEqual([
    { id: 'a', verdict: 'ok' },
    { id: 'b', verdict: 'dead-letter' },
  ]);
  expect(resultsIn('{"results":[]}')).toEqual([]);
});

test('an entry without a verdict we know is tried again rather than taken for settled', () => {
  expect(
    resultsIn('{"results":[{"id":"a","verdict":"retyr"},{"id":"b"},{"id":"c","verdict":7},{"verdict":"drop"},null]}'),
  ).toEqual(['a', 'b', 'c'].map((id) => ({ id, verdict: 'retry' })));
});

test.each(['', 'ok', '{', '[]', 'null', '{}', '{"results":{}}', '{"results":"a"}', '{"results":[{"id":"a"}'])(
  'the body %j is no batch answer',
  (body) => {
    expect(resultsIn(body)).toBeUndefined();
  },
);
