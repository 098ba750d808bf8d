import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import type { OutgoingEvent } from './outgoing-event.js';
import { encodeRecord, findRecord, readRecord } from './spool-record.js';

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

test('zeros to the end are torn, zeros before anything else are damage', () => {
  const zeros = Buffer.alloc(40);
  expect(readRecord(zeros, 0)).toEqual({ kind: 'torn' });
  expect(readRecord(Buffer.concat([zeros, Buffer.from('x')]), 0)).toEqual({ kind: 'damaged' });
});

test('a changed bit in a length never passes for a record that was cut short', () => {
  fc.assert(
    fc.property(call, fc.nat(31), (events, bit) => {
      const record = encodeRecord(events);
      record.writeUInt32BE((record.readUInt32BE(4) ^ (1 << bit)) >>> 0, 4);
      expect(readRecord(record, 0)).toEqual({ kind: 'damaged' });
    }),
  );
});

test('the next whole record is found behind damaged bytes', () => {
  fc.assert(
    fc.property(call, call, fc.nat(), (damaged, sound, cut) => {
      const first = encodeRecord(damaged);
      const bytes = first.subarray(1 + (cut % (first.length - 1)));
      const file = Buffer.concat([bytes, encodeRecord(sound)]);
      expect(findRecord(file, 0)).toBe(bytes.length);
      expect(findRecord(file, bytes.length + 1)).toBeUndefined();
    }),
  );
});

test('a record of the first format, without a mark, is still read and found', () => {
  const body = Buffer.from('{}');
  const rest = Buffer.concat([Buffer.from('{"topic":"orders.created","events":[["a",null,2]]}\n'), body]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(rest.length, 0);
  frame.writeUInt32BE(crc32(rest), 4);
  const events = [{ topic: 'orders.created', id: 'a', key: undefined, body }];
  const file = Buffer.concat([frame, rest, encodeRecord(events)]);
  expect(readRecord(file, 0)).toEqual({ kind: 'record', events, end: 8 + rest.length });
  expect(findRecord(Buffer.concat([Buffer.alloc(9), file]), 0)).toBe(9);
});
