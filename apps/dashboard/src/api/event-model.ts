/** Events, deliveries and dead letters, as model.ts has the rest. */
export interface DeliveryProgress {
  attemptCount: number;
  lastAttemptAt: string | null;
  lastStatus: number | null;
  lastError: string | null;
  nextAttemptAt: string | null;
}

export interface Delivery extends DeliveryProgress {
  subscription: string;
  eventId: string;
  topic: string;
  type: string;
  position: string;
  publishedAt: string;
  status: string;
  reason: string;
}

export interface Attempt {
  attempt: number;
  at: string;
  outcome: string;
  status: number | null;
  durationMs: number;
  error: string | null;
  response: string | null;
}

export interface BusEvent {
  id: string;
  topic: string;
  position: string;
  publishedAt: string;
  type: string;
  source: string;
  subject: string | null;
  time: string;
  attributes: Record<string, string>;
  dataEncoding: string;
  data: unknown;
}

export interface EventDelivery extends DeliveryProgress {
  subscription: string;
  matched: boolean;
  status: string | null;
  reason: string;
}

export interface DeadLetter {
  id: string;
  subscription: string;
  eventId: string;
  topic: string;
  reason: string;
  fingerprint: string;
  redriving: boolean;
  error: string | null;
  lastStatus: number | null;
  attemptCount: number;
  publishedAt: string;
  deadAt: string;
}

export interface DeadLetterGroup {
  subscription: string;
  fingerprint: string;
  count: number;
  isExact: boolean;
  firstAt: string;
  lastAt: string;
  reason: string;
  sampleError: string | null;
  lastStatus: number | null;
  sampleEventId: string;
  topic: string;
}

export interface Operation {
  id: string;
  kind: string;
  subscription: string;
  status: string;
  total: number;
  done: number;
  failed: number;
  skipped: number;
  waiting: number;
  waitsFor: string | null;
  rate: number | null;
  error: string | null;
  createdBy: string;
  createdAt: string;
  finishedAt: string | null;
}

export interface DryRun {
  total: number;
  isExact: boolean;
  sample: { eventId: string; topic: string; position: string }[];
}
