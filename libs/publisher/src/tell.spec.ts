import { tell } from './tell.js';

test('what a listener throws is the listener’s own affair, at once or later', async () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => void unhandled.push(reason);
  process.on('unhandledRejection', note);
  const fault = new Error('no metrics today');
  expect(() =>
    tell(() => {
      throw fault;
    }),
  ).not.toThrow();
  tell(async () => Promise.reject(fault));
  tell(() => undefined);
  // Node tells of rejections after the microtasks of a turn.
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', note);
  expect(unhandled).toEqual([]);
});
