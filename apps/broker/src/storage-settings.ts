import { oneOf, setting, wholeNumber } from './setting.js';

const gibibyte = 1024 ** 3;
const mostBytes = 1024 ** 5;

/** How long events stay, and how much room they may take. */
export const storageSettings = {
  retentionPolicy: setting<'expire' | 'hold'>('HOOKCAST_RETENTION_POLICY', {
    doc: 'A day that is over for every topic but not settled by some subscription: `expire` drops it and counts what went, `hold` keeps it.',
    fallback: 'expire',
    parse: oneOf('expire', 'hold'),
  }),
  retentionHoldBytes: setting('HOOKCAST_RETENTION_HOLD_BYTES', {
    doc: 'Most bytes of days that are kept by `hold`; beyond, the oldest of them expires.',
    fallback: 10 * gibibyte,
    parse: wholeNumber(0, mostBytes),
  }),
  maxDatabaseBytes: setting<number | undefined>('HOOKCAST_DATABASE_MAX_BYTES', {
    doc: 'Size of the database, without its write-ahead log, before which publishes are refused with 503.',
    fallback: undefined,
    shown: 'none',
    parse: wholeNumber(1024 * 1024, mostBytes),
  }),
  minFreeBytes: setting('HOOKCAST_DISK_MIN_FREE_BYTES', {
    doc: 'Free space on the disk of the embedded database, below which publishes are refused with 503; 0 never refuses.',
    fallback: gibibyte,
    parse: wholeNumber(0, mostBytes),
  }),
};
