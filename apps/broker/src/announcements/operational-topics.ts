/** Topics that the broker publishes to and nobody else. */
export const operationalTopics = {
  suspended: 'hookcast.subscription.suspended',
  resumed: 'hookcast.subscription.resumed',
  stale: 'hookcast.subscription.stale',
  dead: 'hookcast.delivery.dead',
  backlogHigh: 'hookcast.backlog.high',
  keyCreated: 'hookcast.key.created',
} as const;

const prefix = 'hookcast.';

export function isReserved(topic: string): boolean {
  return topic.startsWith(prefix);
}

/** Whether a pattern means reserved topics: it says so itself. Who wants everything wants what services publish. */
export function meansReserved(pattern: string): boolean {
  return pattern.startsWith(prefix);
}
