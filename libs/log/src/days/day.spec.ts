import fc from 'fast-check';
import { addDays, dayOf, dayOfPartition, lastExpiredDay, partitionName, startOf } from './day.js';

const someDay = fc
  .date({ min: new Date('2000-01-01'), max: new Date('2199-12-31'), noInvalidDate: true })
  .map((date) => dayOf(date));

test('a day is a day in UTC', () => {
  expect(dayOf(new Date('2026-11-24T23:59:59.999Z'))).toBe('2026-11-24');
  expect(dayOf(new Date('2026-11-25T00:00:00.000+02:00'))).toBe('2026-11-24');
  expect(startOf('2026-11-24').toISOString()).toBe('2026-11-24T00:00:00.000Z');
});

test('names a partition after its day and reads the day from the name', () => {
  expect(partitionName('events', '2026-11-24')).toBe('events_y2026m11d24');
  fc.assert(
    fc.property(someDay, (day) => {
      expect(dayOfPartition(partitionName('attempts', day))).toBe(day);
    }),
  );
});

test.each(['events', 'events_y2026m11', 'events_y2026m11d24_id', 'other_y2026m11d24'])('%s is no day', (name) => {
  expect(dayOfPartition(name)).toBeUndefined();
});

test('counts days over months, leap years and back', () => {
  expect(addDays('2028-02-28', 1)).toBe('2028-02-29');
  expect(addDays('2026-12-31', 1)).toBe('2027-01-01');
  fc.assert(
    fc.property(someDay, fc.integer({ min: -5_000, max: 5_000 }), (day, days) => {
      expect(addDays(addDays(day, days), -days)).toBe(day);
    }),
  );
});

test('a day expires when its last event is older than the retention', () => {
  fc.assert(
    fc.property(
      fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true }),
      fc.nat(400),
      (now, days) => {
        const youngest = lastExpiredDay(now, days);
        const endOf = (day: string) => startOf(addDays(day, 1)).getTime();
        expect(endOf(youngest)).toBeLessThanOrEqual(now.getTime() - days * 86_400_000);
        expect(endOf(addDays(youngest, 1))).toBeGreaterThan(now.getTime() - days * 86_400_000);
      },
    ),
  );
});
