/** The headers of a request to a hook, lower-case. The first three are those of Standard Webhooks. */
export const hookHeaders = {
  id: 'webhook-id',
  timestamp: 'webhook-timestamp',
  signature: 'webhook-signature',
  topic: 'hookcast-topic',
  subscription: 'hookcast-subscription',
  attempt: 'hookcast-attempt',
  position: 'hookcast-position',
  /** Of every event of a batch, in its order. */
  attempts: 'hookcast-attempts',
  positions: 'hookcast-positions',
  replay: 'hookcast-replay',
  /** How many hooks the event and its ancestors have gone through, this one counted. */
  hops: 'hookcast-hops',
} as const;
