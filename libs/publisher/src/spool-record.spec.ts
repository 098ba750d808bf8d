import fc from 'fast-check';
import type { OutgoingEvent } from './outgoing-event.js';
import { encodeRecord, readRecord } from './spool-record.js';

const event = fc.record({
  topic: fc.constant('orders.created'),
  id: fc.string({ minLength: 1, maxLength: 20 }),
  key: fc.option(fc.string({ maxLength: 10 }), { nil: undefined }),
  body: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
}) satisfies fc.Arbitrary<OutgoingEvent>;
const call = fc.array(event, { minLength: 1, maxLength: 4 });

test('what is written is read again, record by record', () => {
  fc.assert(
    fc.property(fc.array(call, { minLength: 1, maxLength: 4 }), (calls) => {
      const file = Buffer.concat(calls.map(encodeRecord));
      let at = 0;
      for (const events of calls) {
        const reading = readRecord(file, at);
        if (reading.kind !== 'record') throw new Error(reading.kind);
        expect(reading.events).toEqual(events);
        at = reading.end;
      }
      expect(readRecord(file, at)).toEqual({ kind: 'end' });
    }),
  );
});

test('a record that was cut short anywhere is torn, never another record', () => {
  fc.assert(
    fc.property(call, fc.nat(), (events, cut) => {
      const whole = encodeRecord(events);
      const length = 1 + (cut % (whole.length - 1));
      expect(readRecord(whole.subarray(0, length), 0)).toEqual({ kind: 'torn' });
    }),
  );
});

test('no changed byte is read as a record', () => {
  fc.assert(
    fc.property(call, fc.nat(), fc.integer({ min: 1, max: 255 }), (events, place, change) => {
      const record = encodeRecord(events);
      const at = place % record.length;
      record[at] = (record[at] ?? 0) ^ change;
      expect(readRecord(record, 0).kind).not.toBe('record');
    }),
  );
});
