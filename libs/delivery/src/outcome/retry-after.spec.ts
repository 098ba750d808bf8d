import fc from 'fast-check';
import { maxRetryAfterMs, retryAfterMs } from './retry-after.js';

const now = Date.UTC(2026, 10, 24, 12, 0, 0);

test.each<[string, string | string[] | undefined, number | undefined]>([
  ['is absent', undefined, undefined],
  ['is empty', '', undefined],
  ['gives seconds', '120', 120_000],
  ['gives seconds with space around', ' 7 ', 7_000],
  ['is repeated: the first counts', ['3', '9'], 3_000],
  ['gives zero', '0', undefined],
  ['is negative', '-5', undefined],
  ['is a fraction', '1.5', undefined],
  ['has an exponent', '1e3', undefined],
  ['is longer than a day', '99999999', maxRetryAfterMs],
  ['has more digits than a number holds', '9'.repeat(400), maxRetryAfterMs],
  ['is an IMF-fixdate', 'Tue, 24 Nov 2026 12:00:30 GMT', 30_000],
  ['is an RFC 850 date', 'Tuesday, 24-Nov-26 12:00:30 GMT', 30_000],
  ['is an asctime date', 'Tue Nov 24 12:00:30 2026', 30_000],
  ['is an RFC 850 date of the past century', 'Sunday, 06-Nov-94 08:49:37 GMT', undefined],
  ['is a date in the past', 'Tue, 24 Nov 2026 11:00:00 GMT', undefined],
  ['is a date far ahead', 'Fri, 24 Nov 2028 12:00:00 GMT', maxRetryAfterMs],
  ['is a date of another zone', 'Tue, 24 Nov 2026 12:00:30 CET', undefined],
  ['names an unknown month', 'Tue, 24 Nox 2026 12:00:30 GMT', undefined],
  ['is ISO 8601', '2026-11-24T12:00:30Z', undefined],
  ['is a word', 'soon', undefined],
])('Retry-After %s', (_name, header, expected) => {
  expect(retryAfterMs(header, now)).toBe(expected);
});

test('whatever a hook sends, the wait is absent or within a day', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.integer().map(String),
        fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
      ),
      (header) => {
        const wait = retryAfterMs(header, now);
        expect(wait === undefined || (wait > 0 && wait <= maxRetryAfterMs)).toBe(true);
      },
    ),
  );
});
