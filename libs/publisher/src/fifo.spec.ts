import fc from 'fast-check';
import { Fifo } from './fifo.js';

test('gives back what was pushed, in order, however pushes and shifts alternate', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.integer(), { nil: undefined })), (steps) => {
      const fifo = new Fifo<number>();
      const model: number[] = [];
      for (const step of steps) {
        const moves = step === undefined ? [fifo.shift(), model.shift()] : [fifo.push(step), void model.push(step)];
        expect(moves[0]).toBe(moves[1]);
        expect(fifo.peek()).toBe(model[0]);
        expect(fifo.length).toBe(model.length);
      }
    }),
  );
});
