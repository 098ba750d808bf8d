import { setting, wholeNumber } from './setting.js';

/** How the broker guards itself: sessions, wrong keys, its clock. */
export const guardSettings = {
  maxClockSkewMs: setting('HOOKCAST_MAX_CLOCK_SKEW_MS', {
    doc: 'Milliseconds that the clocks of this process and of the database may differ; beyond it the process warns and is not ready. Receivers refuse signatures whose time is off.',
    fallback: 30_000,
    parse: wholeNumber(1000, 300_000),
  }),
};
