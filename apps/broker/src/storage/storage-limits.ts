/** How full the storage of the log is. */
export interface StorageSample {
  /** Size of the database, without its write-ahead log. */
  databaseBytes: number;
  /** Free space where the embedded database lives; undefined for a server of the user's, whose disk cannot be seen. */
  freeBytes: number | undefined;
}

export interface StorageLimits {
  /** Undefined: none. */
  maxDatabaseBytes: number | undefined;
  /** 0: none. */
  minFreeBytes: number;
}

/** `full`: publishes are refused. Deliveries go on, so that what is waiting can drain. */
export type StorageState = { kind: 'open' } | { kind: 'full'; reason: string };

/** Of the limit: kept for what deliveries, attempts and settling still write while publishing is refused. */
const reserve = 0.05;
/** Publishing resumes this far, as a share of the limit, away from where it stopped, so that it does not flap. */
const hysteresis = 0.05;

/**
 * Decides on a sample. Pure.
 *
 * @param growthBytes what was added between the last two samples; twice that may come before the next one
 */
export function judgeStorage(
  before: StorageState,
  sample: StorageSample,
  { limits, growthBytes }: { limits: StorageLimits; growthBytes: number },
): StorageState {
  const room = roomIn(sample, limits);
  const ahead = 2 * Math.max(growthBytes, 0);
  for (const { bytes, limit, reason } of room) {
    const wanted = before.kind === 'full' ? hysteresis * limit : ahead;
    if (bytes <= wanted) return { kind: 'full', reason };
  }
  return { kind: 'open' };
}

/** Bytes until the nearest limit; infinite without one. */
export function headroom(sample: StorageSample, limits: StorageLimits): number {
  return Math.min(...roomIn(sample, limits).map(({ bytes }) => bytes), Number.POSITIVE_INFINITY);
}

function roomIn({ databaseBytes, freeBytes }: StorageSample, { maxDatabaseBytes, minFreeBytes }: StorageLimits) {
  const room: { bytes: number; limit: number; reason: string }[] = [];
  if (maxDatabaseBytes !== undefined) {
    room.push({
      bytes: maxDatabaseBytes * (1 - reserve) - databaseBytes,
      limit: maxDatabaseBytes,
      reason: `the database has ${shown(databaseBytes)} of the ${shown(maxDatabaseBytes)} it may have`,
    });
  }
  if (freeBytes !== undefined && minFreeBytes > 0) {
    room.push({
      bytes: freeBytes - minFreeBytes,
      limit: minFreeBytes,
      reason: `the disk has ${shown(freeBytes)} free, and ${shown(minFreeBytes)} have to stay free`,
    });
  }
  return room;
}

function shown(bytes: number): string {
  const [unit = 'B', factor = 1] =
    (
      [
        ['GiB', 1024 ** 3],
        ['MiB', 1024 ** 2],
        ['KiB', 1024],
      ] as const
    ).find(([, size]) => bytes >= size) ?? [];
  return `${Math.round((bytes / factor) * 10) / 10} ${unit}`;
}
