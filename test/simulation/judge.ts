import type { DeliverySubscription } from '@hookcast/delivery';
import type { HookResponse } from '@hookcast/egress';
import { endpointSign } from '../../libs/delivery/src/flow/endpoint-sign.js';
import { attemptOutcome } from '../../libs/delivery/src/settle-batch.js';
import { SettledRanges } from '../../libs/delivery/src/settled-ranges.js';
import {
  cursorKey,
  deliveryKey,
  type CursorRow,
  type SimulatedDatabase,
  type Watcher,
  type WrittenBatch,
} from './simulated-database.js';

export interface SentAttempt {
  workerId: string;
  streamId: number;
  subscriptionId: number;
  seq: number;
  attempt: number;
}

interface KnownAttempt {
  streamId: number;
  isSettled: boolean;
  /** Its stream has changed hands before its result was stored: it may be made once more. */
  isForgiven: boolean;
}

/** Longest time after a pause or deletion at which a request may still begin: the request timeout. */
const graceMs = 10_000;

/** Watches a history from outside and holds it against the invariants of the delivery design. */
export class Judge implements Watcher {
  readonly violations: string[] = [];
  /** Deliveries whose first attempt has left, counted or not. */
  private readonly triedFirst = new Set<string>();
  readonly counts = { attempts: 0, repeated: 0, forgiven: 0, claims: 0, settles: 0 };
  database!: SimulatedDatabase;
  private readonly attempts = new Map<string, KnownAttempt>();
  private readonly acknowledged = new Map<string, 'delivered' | 'dropped' | 'dead'>();
  private readonly lastFirstTry = new Map<string, { workerId: string; seq: number }>();
  private readonly notBefore = new Map<string, number>();
  private readonly inFlight = new Map<string, number>();
  private readonly silencedAt = new Map<number, number>();

  constructor(private readonly now: () => number) {}

  /** A worker begins a request. */
  sent(request: SentAttempt, subscription: DeliverySubscription): void {
    const { workerId, streamId, subscriptionId, seq, attempt } = request;
    const delivery = deliveryKey(streamId, subscriptionId, seq);
    this.counts.attempts += 1;
    const isRepeated = this.judgeRepetition(request, delivery);
    if (!isRepeated) this.judgeOrder(request);
    if (this.database.ownerOf(streamId) !== workerId) this.accuse(`${workerId} sends ${delivery} of a stream it lost`);
    const due = this.notBefore.get(`${delivery}#${attempt}`) ?? 0;
    if (this.now() < due) this.accuse(`${delivery} attempt ${attempt} ${due - this.now()} ms too early`);
    const silenced = this.silencedAt.get(subscriptionId) ?? Number.POSITIVE_INFINITY;
    if (this.now() > silenced + graceMs) this.accuse(`${delivery} sent ${this.now() - silenced} ms after the pause`);
    const window = `${workerId}/${subscriptionId}`;
    const open = (this.inFlight.get(window) ?? 0) + 1;
    this.inFlight.set(window, open);
    if (open > subscription.concurrency) this.accuse(`${open} requests of ${window} in flight`);
  }

  /** A worker has the answer, or has given up waiting for it. */
  ended({ workerId, subscriptionId, streamId, seq, attempt }: SentAttempt, response: HookResponse): void {
    const window = `${workerId}/${subscriptionId}`;
    this.inFlight.set(window, (this.inFlight.get(window) ?? 0) - 1);
    if (!mayPark(response)) return;
    // A failure of the endpoint that parks it is not counted: the attempt is made again.
    const key = cursorKey(streamId, subscriptionId);
    const known = this.attempts.get(`${key}/${seq}#${attempt}`);
    if (known) known.isForgiven = true;
  }

  /** The hook took the event, or told the bus to be done with it. */
  acknowledge(delivery: string, as: 'delivered' | 'dropped' | 'dead'): void {
    if (!this.acknowledged.has(delivery)) this.acknowledged.set(delivery, as);
  }

  /** The endpoint is down or asked for quiet: the worker says that the attempt did not count. */
  givenBack(delivery: string, attempt: number): void {
    const known = this.attempts.get(`${delivery}#${attempt}`);
    if (!known) this.accuse(`${delivery}#${attempt} was given back and never made`);
    else known.isForgiven = true;
  }

  silenced(subscriptionId: number): void {
    this.silencedAt.set(subscriptionId, this.now());
  }

  resumed(subscriptionId: number): void {
    this.silencedAt.delete(subscriptionId);
  }

  claimed(_workerId: string, streamId: number): void {
    this.counts.claims += 1;
    for (const attempt of this.attempts.values()) {
      if (attempt.streamId !== streamId || attempt.isSettled || attempt.isForgiven) continue;
      attempt.isForgiven = true;
      this.counts.forgiven += 1;
    }
    for (const key of this.lastFirstTry.keys()) if (key.startsWith(`${streamId}/`)) this.lastFirstTry.delete(key);
  }

  settled(workerId: string, written: WrittenBatch): void {
    this.counts.settles += 1;
    for (const { cursor, seq, attempt } of written.attempts) {
      const { streamId } = cursor.stream;
      if (this.database.ownerOf(streamId) !== workerId) this.accuse(`${workerId} wrote to ${cursor.key}, not its own`);
      const known = this.attempts.get(`${cursor.key}/${seq}#${attempt}`);
      if (known) known.isSettled = true;
      const waiting = this.database.retries.get(`${cursor.key}/${seq}`);
      if (waiting) this.notBefore.set(`${cursor.key}/${seq}#${waiting.attempts + 1}`, waiting.at);
    }
    for (const { row, before } of written.cursors) this.judgeProgress(row, before);
    for (const { key, seq } of written.finished) this.judgeAccount(`${key}/${seq}`);
  }

  /** After everything was healed and had time to come to rest. */
  end(): void {
    for (const row of this.database.cursors.values()) this.judgeEnd(row);
    const seen = new Set<string>();
    for (const { key, attempt, at } of this.database.attempts) {
      const name = `${key}#${attempt} at ${at}`;
      if (seen.has(name)) this.accuse(`${name} is recorded twice`);
      seen.add(name);
    }
  }

  private judgeRepetition({ streamId, attempt }: SentAttempt, delivery: string): boolean {
    const name = `${delivery}#${attempt}`;
    const known = this.attempts.get(name);
    if (known && !known.isForgiven) this.accuse(`${name} was sent twice without a fault that explains it`);
    if (known) this.counts.repeated += 1;
    if (attempt > 1 && !this.attempts.has(`${delivery}#${attempt - 1}`)) this.accuse(`${name} skips an attempt`);
    this.attempts.set(name, { streamId, isSettled: false, isForgiven: false });
    return known !== undefined;
  }

  /** First tries of a stream leave in the order of positions, as long as it stays in the same hands and none is given back. */
  private judgeOrder({ workerId, streamId, subscriptionId, seq, attempt }: SentAttempt): void {
    if (attempt > 1) return;
    const key = cursorKey(streamId, subscriptionId);
    // One that was parked comes back behind those that were taken meanwhile.
    if (this.triedFirst.has(`${key}/${seq}`)) return;
    this.triedFirst.add(`${key}/${seq}`);
    const last = this.lastFirstTry.get(key);
    if (last?.workerId === workerId && last.seq >= seq && !this.database.retries.has(`${key}/${seq}`))
      this.accuse(`${key}: first try of ${seq} after that of ${last.seq}`);
    this.lastFirstTry.set(key, { workerId, seq });
  }

  private judgeProgress(row: CursorRow, before: SettledRanges): void {
    const after = SettledRanges.parse(row.settledSeq, row.settledAt, row.above);
    const key = cursorKey(row.streamId, row.subscriptionId);
    for (let seq = before.low + 1; seq <= after.highest; seq += 1) {
      if (after.has(seq) && !before.has(seq)) this.judgeAccount(`${key}/${seq}`);
    }
    const head = this.database.streams.get(row.streamId)?.events.length ?? 0;
    if (after.highest > head) this.accuse(`${key} is settled up to ${after.highest}, past the head ${head}`);
  }

  /** What is settled was taken by the hook, waits as a row, or lies among the dead letters. */
  private judgeAccount(delivery: string): void {
    if (this.acknowledged.has(delivery) || this.database.deadLetters.has(delivery)) return;
    if (!this.database.retries.has(delivery)) this.accuse(`${delivery} is settled, and nobody has it: lost`);
  }

  private judgeEnd(row: CursorRow): void {
    const key = cursorKey(row.streamId, row.subscriptionId);
    const subscription = this.database.subscriptions.get(row.subscriptionId);
    const head = this.database.streams.get(row.streamId)?.events.length ?? 0;
    if (subscription?.state !== 'active') return;
    if (row.settledSeq !== head) this.accuse(`${key} stays at ${row.settledSeq} of ${head}: stuck`);
    for (let seq = row.startSeq + 1; seq <= head; seq += 1) this.judgeEndOf(`${key}/${seq}`, subscription);
    const total = row.delivered + row.dead + row.dropped;
    if (total !== head - row.startSeq) this.accuse(`${key} counts ${total} of ${head - row.startSeq} deliveries`);
  }

  private judgeEndOf(delivery: string, { retry }: DeliverySubscription): void {
    if (this.database.retries.has(delivery)) this.accuse(`${delivery} waits for ever`);
    const dead = this.database.deadLetters.get(delivery);
    if (!dead && !this.acknowledged.has(delivery)) this.accuse(`${delivery} was lost`);
    if (dead?.reason === 'exhausted' && dead.attempts <= retry.schedule.length)
      this.accuse(`${delivery} was given up after ${dead.attempts} attempts`);
    const results = this.database.attempts.filter(({ key }) => key === delivery);
    const ends = results.filter(
      ({ outcome }) => outcome === attemptOutcome.delivered || outcome === attemptOutcome.dead,
    );
    if (ends.length > 1) this.accuse(`${delivery} ended ${ends.length} times`);
  }

  private accuse(what: string): void {
    if (this.violations.length < 20) this.violations.push(what);
  }
}

function mayPark(response: HookResponse): boolean {
  const sign = endpointSign(response, { kind: 'delivered' });
  return sign === 'failing' || sign === 'unreachable';
}
