import { findDefects, InvalidEventError } from './event-check.js';
import type { NewEvent } from '../event.js';

const plain: NewEvent = { id: 'e', type: 't', source: 's', attributes: {}, data: undefined };

test.each<[string, Partial<NewEvent>, string]>([
  ['NUL in its subject', { subject: 'a\0b' }, 'subject'],
  ['NUL in its key', { key: '\0' }, 'key'],
  ['a lone surrogate in its type', { type: '\ud800' }, 'type'],
  ['an id that no index entry holds', { id: 'x'.repeat(3_000) }, 'id'],
  ['a time that is none', { deliverAt: new Date(Number.NaN) }, 'deliverAt'],
  ['a time before 1970', { deliverAt: new Date(-1) }, 'deliverAt'],
  ['a time after year 9999', { expiresAt: new Date(8.64e15) }, 'expiresAt'],
])('finds an event with %s', (_what, defect, field) => {
  expect(findDefects([plain, { ...plain, ...defect }])).toEqual([expect.objectContaining({ index: 1, field })]);
});

test('finds nothing wrong with what Postgres takes', () => {
  const subject = 'ä 😀 \u0001 \ufffe';
  const attributes = { extensions: { odd: '\0 and \ud800 are escaped in JSON' } };
  expect(findDefects([{ ...plain, subject, attributes, data: Buffer.from([0, 255]) }])).toEqual([]);
});

test('names every defect in its message', () => {
  const defects = findDefects([{ ...plain, subject: '\0', key: '\0' }]);
  expect(new InvalidEventError(defects).message).toMatch(/event 0: subject .*; event 0: key/);
});
