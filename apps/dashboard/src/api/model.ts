/** What the page reads of the broker's answers; test/dashboard-model.test.ts holds it against the broker's own types. */
export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

export interface Trouble {
  kind: string;
  reason: string;
}

export interface AttemptMinute {
  minute: string;
  delivered: number;
  failed: number;
  dead: number;
}

export interface Overview {
  topics: number;
  subscriptions: { active: number; paused: number; suspended: number; stale: number };
  publishRate: number;
  deliveryRate: number;
  minutes: AttemptMinute[];
  backlog: number;
  oldestPendingAt: string | null;
  troubled: number;
  troubles: {
    subscription: string;
    state: string;
    backlog: number;
    oldestPendingAt: string | null;
    troubles: Trouble[];
  }[];
  reconciler: { lastRunAt: string | null; deliveries: number; violations: number } | null;
  workers: number;
  storage: {
    publishing: string;
    reason: string | null;
    databaseBytes: number | null;
    maxDatabaseBytes: number | null;
    freeBytes: number | null;
  };
}

export interface Worker {
  workerId: string;
  host: string;
  pid: number;
  streams: number;
  owns: string[];
  startedAt: string;
  heartbeatAt: string;
}

export interface BlockedKey {
  key: string | null;
  eventId: string | null;
  position: string;
  attemptCount: number;
  nextAttemptAt: string;
  lastError: string | null;
}

export interface Subscription {
  name: string;
  service: string | null;
  topics: string[];
  url: string;
  filter: string | null;
  format: string;
  batch: { maxEvents: number; maxBytes: number } | null;
  ordering: string;
  concurrency: number;
  rateLimit: number | null;
  timeoutMs: number;
  retry: { schedule: number[]; jitter: number };
  nonRetryable: number[];
  headers: Record<string, string>;
  signature: string;
  startFrom: string;
  leaseSeconds: number | null;
  leasedUntil: string | null;
  secretHint: string;
  secret?: string;
  state: string;
  stateReason: string | null;
  backlog: number;
  expired: number;
  filtered: number;
  skipped: number;
  drainRate: number | null;
  toDrain: number;
  parked: { reason: string; since: string; until: string; probes: number; error: string | null } | null;
  window: number | null;
  oldestPendingAt: string | null;
  blockedKeys: BlockedKey[];
  inFlight: number;
  troubles: Trouble[];
  successRate: number | null;
  p95Ms: number | null;
  createdAt: string;
  updatedAt: string;
}

export interface DeliveryMinute extends AttemptMinute {
  p95Ms: number | null;
}

export interface HookTest {
  eventId: string;
  status: number | null;
  durationMs: number;
  response: string;
  error: string | null;
}

export interface SeekCounts {
  seek: { streams: number; skipped: number; repeated: number };
}

export interface Topic {
  name: string;
  partitions: number;
  retentionDays: number;
  schemaMode: string;
  eventRate: number;
  bytes: number;
  headPositions: string[];
  subscriptions: string[];
  lastEventAt: string | null;
}

export interface Service {
  service: string;
  revision: number | null;
  heartbeatAt: string;
  updatedAt: string;
  subscriptions: { name: string; state: string; leasedUntil: string | null }[];
}

export interface Source {
  name: string;
  sender: string;
  scheme: string;
  topic: string;
  enabled: boolean;
  state: string;
  stateReason: string | null;
  health: {
    requestsPerMinute: number;
    lastHour: { accepted: number; duplicate: number; handshake: number; refused: number; failed: number };
    reasons: Record<string, number>;
  };
}

export interface Reception {
  id: string;
  at: string;
  verdict: string;
  reason: string | null;
  status: number;
  bytes: number;
  durationMs: number;
  method: string;
  deliveryId: string | null;
  eventType: string | null;
  events: number;
  eventIds: string[];
}

export interface AuditEntry {
  id: number;
  at: string;
  actor: { keyId: string; name: string };
  action: string;
  target: string;
  outcome: string;
  detail: string | null;
  before: unknown;
  after: unknown;
  requestId: string | null;
  address: string | null;
  count: number;
}

export interface Reconciliation {
  events: number;
  deliveries: Record<string, number>;
  unchecked: number;
  violations: { kind: string; subscription: string | null; topic: string; position: string | null; detail: string }[];
  nextCursor: string | null;
}
