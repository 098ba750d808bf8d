import fc from 'fast-check';
import { RoundRobin, type Queued } from './round-robin.js';

const named = (name: string): Queued & { name: string } => ({ name, queued: false });

test('serves in turn, each once a round', () => {
  const line = new RoundRobin<ReturnType<typeof named>>();
  const all = ['a', 'b', 'c'].map(named);
  for (const item of all) line.add(item);
  const served = Array.from({ length: 7 }, () => {
    const item = line.next();
    if (item) line.add(item);
    return item?.name;
  });
  expect(served.join('')).toBe('abcabca');
});

test('whoever stands in line already does not stand there twice', () => {
  const line = new RoundRobin<Queued>();
  const item = named('a');
  line.add(item);
  line.add(item);
  expect(line.size).toBe(1);
  expect(line.next()).toBe(item);
  expect(line.next()).toBeUndefined();
});

test('agrees with a plain queue', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.integer({ min: 0, max: 20 }))), (steps) => {
      const line = new RoundRobin<ReturnType<typeof named>>();
      const items = Array.from({ length: 21 }, (_, index) => named(String(index)));
      const model: string[] = [];
      for (const step of steps) {
        const item = step === null ? undefined : items[step];
        if (item && !model.includes(item.name)) model.push(item.name);
        if (item) line.add(item);
        const isServed = item !== undefined || line.next()?.name === model.shift();
        expect([isServed, line.size]).toEqual([true, model.length]);
      }
    }),
  );
});
