import type { PastRotation } from '@hookcast/database';
import { repeatedRotation, withRotation } from './past-rotations.js';

const ask = (idempotencyKey: string | undefined, graceSeconds = 60) => ({ idempotencyKey, graceSeconds });
const conflict = expect.objectContaining({ code: 'idempotency-key-conflict' });

test('a repetition is known while what it made is current', () => {
  const rotations = withRotation([], ask('k1'), { secret: 't1' });
  expect(repeatedRotation({ rotations, current: 't1' }, ask('k1'))).toBeDefined();
  expect(repeatedRotation({ rotations, current: 't1' }, ask('k2'))).toBeUndefined();
  expect(repeatedRotation({ rotations, current: 't1' }, ask(undefined))).toBeUndefined();
});

test('a repetition of a rotation that a later one has replaced is refused, however late', () => {
  let rotations: PastRotation[] = [];
  for (let n = 0; n < 100; n += 1) rotations = withRotation(rotations, ask(`k${n}`), { secret: `t${n}` });
  for (const current of ['t99', 'given by hand']) {
    expect(() => repeatedRotation({ rotations, current }, ask('k0'))).toThrow(conflict);
  }
  expect(withRotation(rotations, ask('more'), { secret: 't100' })).toHaveLength(100);
});

test('another request under the same key is refused', () => {
  const rotations = withRotation([], ask('k1'), { secret: 't1' });
  expect(() => repeatedRotation({ rotations, current: 't1' }, ask('k1', 0))).toThrow(conflict);
});

test('neither the keys nor what is asked without one is kept', () => {
  expect(withRotation([], ask(undefined), { secret: 't1' })).toEqual([]);
  expect(JSON.stringify(withRotation([], ask('orders-7'), { secret: 't1' }))).not.toContain('orders-7');
});
