import { readdirSync, readFileSync } from 'node:fs';
import { senderTable } from './sender-table.js';
import { checkVector, type Vector } from './vectors.js';

const folder = new URL('../vectors/', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
const read = (file: string) => JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Vector[];
const now = new Date('2026-11-18T11:06:40Z');

test.each(files)('%s: every case ends as it says', (file) => {
  const vectors = read(file);
  const mismatches = vectors
    .map((vector) => [vector.name, checkVector(vector, now)])
    .filter(([, difference]) => difference);
  expect(vectors.length).toBeGreaterThan(0);
  expect(mismatches).toEqual([]);
});

test('every sender has a file of vectors, and every scheme of its own a valid and an invalid delivery', () => {
  const vectors = files.flatMap(read);
  const missing = senderTable.flatMap((sender) =>
    Object.keys(sender.schemes)
      .flatMap((scheme) => [true, false].map((valid) => ({ sender: sender.name, scheme, valid })))
      .filter(
        (wanted) =>
          !vectors.some(
            (v) => v.kind === 'delivery' && Object.entries(wanted).every(([k, x]) => v[k as keyof Vector] === x),
          ),
      ),
  );
  expect(missing).toEqual([]);
});

test('the check can fail: with validity turned round, every case is a mismatch', () => {
  const turned = files.flatMap(read).map((vector) => ({ ...vector, valid: !vector.valid }));
  expect(turned.filter((vector) => checkVector(vector, now) === undefined)).toEqual([]);
});
