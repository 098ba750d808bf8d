export interface MetricSpec {
  type: 'counter' | 'gauge' | 'histogram';
  help: string;
  labels: readonly string[];
  /** `process`: what this process did. `bus`: read from the database, the same in every process. */
  scope: 'process' | 'bus';
}

const ofSubscription = ['namespace', 'subscription'];

/** Every metric of the program's own, without the prefix `hookcast_`. docs/metrics.md is made of this. */
export const metrics = {
  publish_requests_total: {
    type: 'counter',
    help: 'Publish requests by outcome: stored, or the code of the problem.',
    labels: ['outcome'],
    scope: 'process',
  },
  published_events_total: {
    type: 'counter',
    help: 'Events that publish requests were answered 201 for; duplicate says that the event was there before.',
    labels: ['duplicate'],
    scope: 'process',
  },
  publish_duration_seconds: {
    type: 'histogram',
    help: 'From the headers of a publish request until its events are committed. Only what was stored.',
    labels: [],
    scope: 'process',
  },
  delivery_attempts_total: {
    type: 'counter',
    help: 'Attempts of deliveries by outcome: delivered, retried, dead, dropped, suspended, or parked, which count for nothing.',
    labels: ['outcome'],
    scope: 'process',
  },
  filter_errors_total: {
    type: 'counter',
    help: 'Events kept back because a filter could not be evaluated.',
    labels: [],
    scope: 'process',
  },
  owned_streams: {
    type: 'gauge',
    help: 'Streams that this process delivers from.',
    labels: [],
    scope: 'process',
  },
  buffered_events: {
    type: 'gauge',
    help: 'Events in memory that wait to be sent for the first time.',
    labels: [],
    scope: 'process',
  },
  source_requests_total: {
    type: 'counter',
    help: 'Requests to sources by verdict (accepted, duplicate, handshake, refused, failed) and reason.',
    labels: ['namespace', 'source', 'verdict', 'reason'],
    scope: 'process',
  },
  reconciled_deliveries_total: {
    type: 'counter',
    help: 'Deliveries that the reconciler looked at.',
    labels: [],
    scope: 'process',
  },
  reconciliation_violations_total: {
    type: 'counter',
    help: 'Deliveries that were not accounted for. Anything but 0 is a bug or damage.',
    labels: [],
    scope: 'process',
  },
  reconciliation_last_run_timestamp_seconds: {
    type: 'gauge',
    help: 'When the reconciler last took a sample; absent before the first one.',
    labels: [],
    scope: 'process',
  },
  publishing_refused: {
    type: 'gauge',
    help: '1 while publishes are refused for want of space.',
    labels: [],
    scope: 'process',
  },
  database_bytes: {
    type: 'gauge',
    help: 'Size of the database without its write-ahead log.',
    labels: [],
    scope: 'process',
  },
  database_max_bytes: {
    type: 'gauge',
    help: 'HOOKCAST_DATABASE_MAX_BYTES; absent without.',
    labels: [],
    scope: 'process',
  },
  disk_free_bytes: {
    type: 'gauge',
    help: 'Free space on the disk of the embedded database; absent for a server of your own.',
    labels: [],
    scope: 'process',
  },
  database_up: {
    type: 'gauge',
    help: '0 when the database did not answer; what is read from it is then absent.',
    labels: [],
    scope: 'process',
  },
  subscriptions: {
    type: 'gauge',
    help: 'Subscriptions by state: active, paused, suspended, stale.',
    labels: ['state'],
    scope: 'bus',
  },
  subscription_backlog_events: {
    type: 'gauge',
    help: 'Events that are not settled for a subscription.',
    labels: ofSubscription,
    scope: 'bus',
  },
  subscription_oldest_pending_seconds: {
    type: 'gauge',
    help: 'Age of the oldest of them; 0 when there is none.',
    labels: ofSubscription,
    scope: 'bus',
  },
  subscription_deliveries_total: {
    type: 'counter',
    help: 'Deliveries that came to an end: delivered, dead, dropped by the receiver, expired with their day, filtered, skipped by a seek.',
    labels: [...ofSubscription, 'outcome'],
    scope: 'bus',
  },
  subscription_parked: {
    type: 'gauge',
    help: '1 while the endpoint is down and only probed, or has asked for quiet.',
    labels: ofSubscription,
    scope: 'bus',
  },
  subscription_suspended: {
    type: 'gauge',
    help: '1 while nothing is sent until somebody acts.',
    labels: ofSubscription,
    scope: 'bus',
  },
  retries_waiting: {
    type: 'gauge',
    help: 'Deliveries that wait for another attempt or for their time. Counted up to 10000, which means that many or more.',
    labels: [],
    scope: 'bus',
  },
} as const satisfies Record<string, MetricSpec>;

export type MetricName = keyof typeof metrics;
