import type { StoredEvent } from '@hookcast/log';
import { OwnedStream, type CursorState } from '../../libs/delivery/src/reading/owned-stream.js';
import { HookEvent } from '../../libs/delivery/src/sending/hook-event.js';
import { RoundRobin } from '../../libs/delivery/src/sending/round-robin.js';
import type { Sender } from '../../libs/delivery/src/sending/sender.js';

/** The event of a position in stream 1: ten bytes, made ten milliseconds after the one before. */
export const storedEvent = (seq: number): StoredEvent => ({
  id: `e${seq}`,
  type: 't',
  source: '/topics/t',
  attributes: {},
  data: Buffer.alloc(10),
  streamId: 1,
  seq,
  createdAt: new Date(seq * 10),
  topic: 't',
});

export const hookEvent = (seq: number): HookEvent => new HookEvent(storedEvent(seq));

/** The one partition of a topic, as the worker has it that owns it. */
export const ownedStream = (streamId = 1, epoch = 1): OwnedStream =>
  new OwnedStream({ streamId, topicId: 1, topic: 't', partition: 0 }, epoch);

/** A cursor that has counted nothing yet. */
export const cursorState = (settledSeq = 0): CursorState => ({
  settledSeq,
  settledAt: 0,
  above: '{}',
  drainSeq: 0,
  park: undefined,
  moves: 0,
  settleNo: 0,
});

/** Whoever follows a cursor and takes no events from it by itself. */
export const follower = (subscriptionId: number, ownPageSize = 16) => ({
  subscriptionId,
  ownPageSize,
  ordering: 'none' as const,
  offer: () => {},
});

/** A subscription that is active, unordered and sent to one event at a time. */
export const senderSettings = (id: number, concurrency = 32): ConstructorParameters<typeof Sender>[0] => ({
  subscription: {
    id,
    name: `s${id}`,
    topics: [],
    url: 'http://x',
    format: 'cloudevents',
    batch: null,
    ordering: 'none',
    concurrency,
    timeoutMs: 1,
    retry: { schedule: [], jitter: 0 },
    nonRetryable: [],
    headers: {},
    signature: 'hmac',
    secrets: [],
    signingKeys: [],
    filter: null,
    state: 'active',
  },
  template: {
    url: '',
    format: 'cloudevents',
    isBatch: false,
    timeoutMs: 1,
    subscription: '',
    userAgent: '',
    headers: undefined,
    transport: undefined,
    keys: [],
  },
  endpoint: { origin: '', inFlight: 0, waiting: new RoundRobin<Sender>() },
  filter: undefined,
});
