/** A UTC day, `YYYY-MM-DD`. Days compare as text. */
export type Day = string;

/** The tables that have one partition for each day. */
export type DailyTable = 'events' | 'attempts';

export const dayMs = 86_400_000;

/** The day that holds a point of time (a Date, or unix milliseconds). */
export function dayOf(time: Date | number): Day {
  return new Date(time).toISOString().slice(0, 10);
}

export function startOf(day: Day): Date {
  return new Date(`${day}T00:00:00.000Z`);
}

/** A UTC day always has 24 hours. */
export function addDays(day: Day, days: number): Day {
  return dayOf(startOf(day).getTime() + days * dayMs);
}

/** The partition of a day: `events_y2026m11d24`. */
export function partitionName(table: DailyTable, day: Day): string {
  return `${table}_y${day.slice(0, 4)}m${day.slice(5, 7)}d${day.slice(8, 10)}`;
}

const partition = /^(events|attempts)_y(\d{4})m(\d{2})d(\d{2})$/;

/** The day of a partition's name; undefined for any other table. */
export function dayOfPartition(name: string): Day | undefined {
  const match = partition.exec(name);
  return match ? `${match[2]}-${match[3]}-${match[4]}` : undefined;
}

/** The youngest day that is over for at least `retentionDays` days: it and those before it may go. */
export function lastExpiredDay(now: Date, retentionDays: number): Day {
  return addDays(dayOf(now), -retentionDays - 1);
}
