import fc from 'fast-check';
import { errorFingerprint, normalisedError } from './error-fingerprint.js';

const died = (error: string | null, status: number | null = null, reason = 'exhausted') =>
  errorFingerprint({ reason, error, status });

test.each([
  ['connect: connect ECONNREFUSED 10.0.0.7:3000', 'connect: connect ECONNREFUSED <address>'],
  ['connect: connect ECONNREFUSED [2001:db8::7]:3000', 'connect: connect ECONNREFUSED <address>'],
  ['connect: connect ECONNREFUSED ::1:3000', 'connect: connect ECONNREFUSED <address>'],
  ['timeout: no answer within 15000 ms', 'timeout: no answer within <n> ms'],
  ['other: order 3f2504e0-4f89-11d3-9a0c-0305e82c3301 is unknown', 'other: order <id> is unknown'],
  ['other: order ord_01hzx8k3m9p2 is unknown', 'other: order <id> is unknown'],
  ['other: see https://status.example/incidents/77?x=1', 'other: see <url>'],
  ['other: name "Ann" is taken', 'other: name <text> is taken'],
  ['status: 503', 'status: 503'],
])('%s is normalised to %s', (error, normalised) => {
  expect(normalisedError(error)).toBe(normalised);
});

test('errors that differ in numbers, ids and addresses only are of one kind', () => {
  expect(died('connect: connect ECONNREFUSED 10.0.0.7:3000')).toBe(died('connect: connect ECONNREFUSED 10.9.9.9:81'));
  expect(died('timeout: no answer within 15000 ms')).toBe(died('timeout: no answer within 20000 ms'));
});

test('errors of another kind or status are of another', () => {
  const kinds = [died('status: 500', 500), died('status: 503', 503), died('status: 404', 404), died('timeout: x')];
  expect(new Set(kinds).size).toBe(4);
  expect(kinds).toEqual([
    expect.stringMatching(/^status-5xx-[0-9a-f]{8}$/),
    expect.stringMatching(/^status-5xx-/),
    expect.stringMatching(/^status-4xx-/),
    expect.stringMatching(/^timeout-/),
  ]);
});

test('what was given up by its age is one kind, whatever failed before', () => {
  expect(died(null, null, 'expired')).toBe('expired');
  expect(died('status: 500', 500, 'expired')).toBe('expired');
});

test('a fingerprint is short and fit for an address, whatever a hook or the network said', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 2_000 }), fc.option(fc.integer({ min: 100, max: 599 })), (error, status) => {
      expect(died(error, status)).toMatch(/^[a-z][a-z0-9-]{0,63}$/);
    }),
  );
});
