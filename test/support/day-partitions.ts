import type pg from 'pg';

const dayMs = 86_400_000;

/** Leaf partitions of events and attempts for `days` UTC days from the day of `from`. */
export async function createDayPartitions(client: pg.ClientBase, from: Date, days: number): Promise<void> {
  const first = Math.floor(from.getTime() / dayMs);
  for (let day = first; day < first + days; day += 1) {
    const [start, end] = [isoDay(day), isoDay(day + 1)];
    const suffix = start.replace(/(\d+)-(\d+)-(\d+)/, 'y$1m$2d$3');
    const range = `for values from ('${start} 00:00+00') to ('${end} 00:00+00')`;
    const storage = 'with (fillfactor = 100, autovacuum_vacuum_insert_threshold = -1)';
    await client.query(`
      create table if not exists events_${suffix} partition of events ${range} ${storage};
      create unique index if not exists events_${suffix}_id on events_${suffix} (event_id, stream_id);
      create table if not exists attempts_${suffix} partition of attempts ${range} ${storage};
    `);
  }
}

function isoDay(day: number): string {
  return new Date(day * dayMs).toISOString().slice(0, 10);
}
