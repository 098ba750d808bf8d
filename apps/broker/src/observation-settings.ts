import { setting, wholeNumber } from './setting.js';

/** How the program watches itself. */
export const observationSettings = {
  reconcileSeconds: setting('HOOKCAST_RECONCILE_SECONDS', {
    doc: 'Seconds between two samples of the log in which every delivery must be accounted for; 0 takes none.',
    fallback: 300,
    parse: wholeNumber(0, 86_400),
  }),
  reconcileEvents: setting('HOOKCAST_RECONCILE_EVENTS', {
    doc: 'Events of one such sample.',
    fallback: 500,
    parse: wholeNumber(1, 100_000),
  }),
  backlogHighEvents: setting('HOOKCAST_BACKLOG_HIGH_EVENTS', {
    doc: 'Waiting events of one subscription beyond which `hookcast.backlog.high` is published, once until half of it is left; 0 for never.',
    fallback: 100_000,
    parse: wholeNumber(0, 1_000_000_000),
  }),
  metricsMaxSeries: setting('HOOKCAST_METRICS_MAX_SERIES', {
    doc: 'Subscriptions, and as many sources, with series of their own in `/metrics`; those made later share `_other`.',
    fallback: 500,
    parse: wholeNumber(0, 100_000),
  }),
};
