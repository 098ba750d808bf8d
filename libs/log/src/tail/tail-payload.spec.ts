import fc from 'fast-check';
import { formatPayloads, parsePayload } from './tail-payload.js';

test('heads survive being notified, in payloads that Postgres takes', () => {
  const heads = fc.uniqueArray(fc.tuple(fc.nat(2 ** 31 - 1), fc.maxSafeNat()), {
    selector: ([stream]) => stream,
    maxLength: 2_000,
  });
  fc.assert(
    fc.property(heads, (given) => {
      const payloads = formatPayloads(new Map(given));
      for (const payload of payloads) expect(payload.length).toBeLessThan(8_000);
      const heard = new Map(payloads.flatMap((payload) => [...parsePayload(payload)]));
      expect(heard).toEqual(new Map(given));
    }),
    { numRuns: 50 },
  );
});

test('a payload from somewhere else does no harm', () => {
  expect(parsePayload('x,1:2,,9:-1,1:1')).toEqual(new Map([[1, 2]]));
  expect(formatPayloads(new Map())).toEqual([]);
});
