import type { DeliverySubscription } from '@hookcast/delivery';
import type { HookResponse } from '@hookcast/egress';
import { trustMs } from '../../libs/delivery/src/ownership/ownership.js';
import { endpointSign } from '../../libs/delivery/src/flow/endpoint-sign.js';
import { attemptOutcome } from '../../libs/delivery/src/settling/settle-batch.js';
import { SettledRanges } from '../../libs/delivery/src/reading/settled-ranges.js';
import { LineJudge } from './judge-lines.js';
import { RateJudge } from './judge-rate.js';
import type { Moved } from './simulated-control.js';
import {
  cursorKey,
  deliveryKey,
  type CursorRow,
  type SimulatedDatabase,
  type Watcher,
  type WrittenBatch,
} from './simulated-database.js';

export interface SentRequest {
  workerId: string;
  subscriptionId: number;
  isReplay: boolean;
  /** Of one event of several nobody says which attempt it is. */
  events: readonly { streamId: number; seq: number; attempt: number | undefined }[];
}

interface SentAttempt {
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

/** Longest time after a pause or deletion at which a request may still begin: a worker trusts what it was told last for so long. */
const graceMs = trustMs;

/** Watches a history from outside and holds it against the invariants of the delivery design. */
export class Judge implements Watcher {
  readonly violations: string[] = [];
  private lines!: LineJudge;
  private readonly rates = new RateJudge((what) => this.accuse(what));
  /** The hook wants it to be a dead letter. */
  private readonly letGo = new Set<string>();
  /** Left out by a cursor that was moved forward. */
  private readonly skipped = new Set<string>();
  /** When it was asked for again, by a replay or a cursor that was moved back, and when the hook had it last. */
  private readonly askedAt = new Map<string, number>();
  private readonly tookAt = new Map<string, number>();
  /** Cursors that were moved, or of which something was asked for again: what was under way is done once more. */
  private readonly disturbed = new Set<string>();
  /** Their subscription asks for batches, in which nobody says which attempt of an event it is. */
  private readonly together = new Set<string>();
  /** Deliveries whose first attempt has left, counted or not. */
  private readonly triedFirst = new Set<string>();
  readonly counts = { attempts: 0, repeated: 0, forgiven: 0, claims: 0, settles: 0 };
  private readonly attempts = new Map<string, KnownAttempt>();
  private readonly acknowledged = new Map<string, 'delivered' | 'dropped'>();
  private readonly lastFirstTry = new Map<string, { workerId: string; seq: number }>();
  private readonly notBefore = new Map<string, number>();
  private readonly inFlight = new Map<string, number>();
  /** Worker and stream → events that are under way. */
  private readonly underWay = new Map<string, number>();
  private readonly silencedAt = new Map<number, number>();

  private watched!: SimulatedDatabase;

  constructor(private readonly now: () => number) {}

  get database(): SimulatedDatabase {
    return this.watched;
  }

  set database(database: SimulatedDatabase) {
    this.watched = database;
    const isDone = (delivery: string) =>
      [this.acknowledged, database.deadLetters, this.letGo, this.skipped].some((known) => known.has(delivery));
    this.lines = new LineJudge({ database, isDone, accuse: (what) => this.accuse(what) });
  }

  /** A worker begins a request. */
  sent(request: SentRequest, subscription: DeliverySubscription): void {
    const { workerId, subscriptionId, events } = request;
    for (const event of events) this.judgeEvent({ workerId, subscriptionId, ...event }, subscription);
    this.rates.sent(workerId, subscription, { count: events.length, at: this.now() });
    this.lines.sent(request, subscription);
    const silenced = this.silencedAt.get(subscriptionId) ?? Number.POSITIVE_INFINITY;
    if (this.now() > silenced + graceMs)
      this.accuse(`${subscriptionId} was sent to ${this.now() - silenced} ms after the pause`);
    const window = `${workerId}/${subscriptionId}`;
    const open = (this.inFlight.get(window) ?? 0) + 1;
    this.inFlight.set(window, open);
    if (open > subscription.concurrency) this.accuse(`${open} requests of ${window} in flight`);
  }

  private judgeEvent(
    event: Omit<SentAttempt, 'attempt'> & { attempt: number | undefined },
    { batch, ordering }: DeliverySubscription,
  ): void {
    const { workerId, streamId, subscriptionId, seq, attempt } = event;
    const delivery = deliveryKey(streamId, subscriptionId, seq);
    this.counts.attempts += 1;
    this.count(`${workerId} ${streamId}`, 1);
    if (this.database.ownerOf(streamId) !== workerId) this.accuse(`${workerId} sends ${delivery} of a stream it lost`);
    this.judgeNeed(delivery, event);
    if (batch !== null) this.together.add(delivery);
    if (attempt === undefined) return;
    const due = this.notBefore.get(`${delivery}#${attempt}`) ?? 0;
    if (this.now() < due) this.accuse(`${delivery} attempt ${attempt} ${due - this.now()} ms too early`);
    if (batch !== null) return;
    const isRepeated = this.judgeRepetition({ ...event, attempt }, delivery);
    if (!isRepeated && ordering === 'none') this.judgeOrder({ ...event, attempt });
  }

  /** What is settled and does not wait as a row has come to its end. */
  private judgeNeed(delivery: string, { streamId, subscriptionId, seq }: Omit<SentAttempt, 'attempt'>): void {
    const key = cursorKey(streamId, subscriptionId);
    const row = this.database.cursors.get(key);
    if (row === undefined || this.disturbed.has(key) || this.database.retries.has(delivery)) return;
    if (SettledRanges.parse(row.settledSeq, row.settledAt, row.above).has(seq))
      this.accuse(`${delivery} is sent although it is settled`);
  }

  /** A worker has the answer, or has given up waiting for it. */
  ended(request: SentRequest, response: HookResponse): void {
    const { workerId, subscriptionId, events } = request;
    const window = `${workerId}/${subscriptionId}`;
    this.inFlight.set(window, (this.inFlight.get(window) ?? 0) - 1);
    for (const { streamId } of events) this.count(`${workerId} ${streamId}`, -1);
    this.lines.ended(request);
    if (!mayPark(response)) return;
    // A failure of the endpoint that parks it is not counted: the attempt is made again.
    for (const { streamId, seq, attempt } of events) {
      const known = this.attempts.get(`${deliveryKey(streamId, subscriptionId, seq)}#${attempt}`);
      if (known) known.isForgiven = true;
    }
  }

  /** The hook took the event, or told the bus to be done with it. */
  acknowledge(delivery: string, as: 'delivered' | 'dropped'): void {
    if (!this.acknowledged.has(delivery)) this.acknowledged.set(delivery, as);
    this.tookAt.set(delivery, this.now());
  }

  /** The hook told the bus to give the event up. */
  giveUp(delivery: string): void {
    this.letGo.add(delivery);
  }

  /** Somebody moved a cursor, or asked for past events. */
  moved({ row, skipped, asked }: Moved): void {
    if (skipped.length + asked.length + row.moves === 0) return;
    this.disturbed.add(cursorKey(row.streamId, row.subscriptionId));
    for (const seq of skipped) this.skipped.add(deliveryKey(row.streamId, row.subscriptionId, seq));
    for (const seq of asked) this.asked(deliveryKey(row.streamId, row.subscriptionId, seq));
  }

  /** It begins anew, with its first attempt. */
  private asked(delivery: string): void {
    this.askedAt.set(delivery, this.now());
    this.skipped.delete(delivery);
    for (const known of [this.attempts, this.notBefore])
      for (const name of known.keys()) if (name.startsWith(`${delivery}#`)) known.delete(name);
  }

  /** The endpoint is down or asked for quiet: the worker says that the attempt did not count. */
  givenBack(delivery: string, attempt: number): void {
    const known = this.attempts.get(`${delivery}#${attempt}`);
    if (known) known.isForgiven = true;
    else if (!this.isUncertain(delivery)) this.accuse(`${delivery}#${attempt} was given back and never made`);
  }

  silenced(subscriptionId: number): void {
    this.silencedAt.set(subscriptionId, this.now());
  }

  resumed(subscriptionId: number): void {
    this.silencedAt.delete(subscriptionId);
  }

  /** Given away in good order: its next owner has nothing to send that this one is sending. */
  released(workerId: string, streamId: number): void {
    const open = this.underWay.get(`${workerId} ${streamId}`) ?? 0;
    if (open > 0) this.accuse(`${workerId} gives ${streamId} away with ${open} events under way`);
  }

  private count(place: string, more: number): void {
    this.underWay.set(place, (this.underWay.get(place) ?? 0) + more);
  }

  leased(workerId: string, subscriptionId: number, tokens: number): () => void {
    return this.rates.leased(workerId, subscriptionId, { tokens, at: this.now() });
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
      const owner = this.database.ownerOf(streamId);
      // A settle that was given up may arrive after its worker has given the stream away, and before anybody has taken it.
      if (owner !== undefined && owner !== workerId) this.accuse(`${workerId} wrote to ${cursor.key}, not its own`);
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
    this.rates.end();
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
    if (known && !known.isForgiven && !this.isUncertain(delivery))
      this.accuse(`${name} was sent twice without a fault that explains it`);
    if (known) this.counts.repeated += 1;
    if (attempt > 1 && !this.attempts.has(`${delivery}#${attempt - 1}`) && !this.isUncertain(delivery))
      this.accuse(`${name} skips an attempt`);
    this.attempts.set(name, { streamId, isSettled: false, isForgiven: false });
    return known !== undefined;
  }

  /** First tries of a stream leave in the order of positions, as long as it stays in the same hands and none is given back. */
  private judgeOrder({ workerId, streamId, subscriptionId, seq, attempt }: SentAttempt): void {
    if (attempt > 1) return;
    const key = cursorKey(streamId, subscriptionId);
    if (this.disturbed.has(key)) return;
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
    for (let seq = before.low + 1; seq <= before.highest; seq += 1)
      if (before.has(seq) && !after.has(seq)) this.accuse(`${key}/${seq} is not settled any more`);
    const head = this.database.streams.get(row.streamId)?.events.length ?? 0;
    if (after.highest > head) this.accuse(`${key} is settled up to ${after.highest}, past the head ${head}`);
  }

  /** What is settled was taken by the hook, waits as a row, or lies among the dead letters. */
  private judgeAccount(delivery: string): void {
    if (this.acknowledged.has(delivery) || this.database.deadLetters.has(delivery)) return;
    if (this.skipped.has(delivery)) return;
    if (!this.database.retries.has(delivery)) this.accuse(`${delivery} is settled, and nobody has it: lost`);
  }

  private judgeEnd(row: CursorRow): void {
    const key = cursorKey(row.streamId, row.subscriptionId);
    const subscription = this.database.subscriptions.get(row.subscriptionId);
    const head = this.database.streams.get(row.streamId)?.events.length ?? 0;
    if (subscription?.state !== 'active') return;
    if (row.settledSeq !== head) this.accuse(`${key} stays at ${row.settledSeq} of ${head}: stuck`);
    for (let seq = row.startSeq + 1; seq <= head; seq += 1) this.judgeEndOf(`${key}/${seq}`, subscription);
    const { delivered, dead, dropped, skipped, repeated } = row;
    const total = delivered + dead + dropped + skipped - repeated;
    if (total !== head - row.startSeq)
      this.accuse(`${key} counts ${total} of ${head - row.startSeq} deliveries, ${repeated} repeated ones apart`);
  }

  private judgeEndOf(delivery: string, { retry }: DeliverySubscription): void {
    if (this.database.retries.has(delivery)) this.accuse(`${delivery} waits for ever`);
    const dead = this.database.deadLetters.get(delivery);
    if (!dead && !this.acknowledged.has(delivery) && !this.skipped.has(delivery)) this.accuse(`${delivery} was lost`);
    const asked = this.askedAt.get(delivery);
    const isAnswered =
      dead !== undefined || this.skipped.has(delivery) || (this.tookAt.get(delivery) ?? 0) >= (asked ?? 0);
    if (!isAnswered) this.accuse(`${delivery} was asked for again and never came`);
    if (dead?.reason === 'exhausted' && dead.attempts <= retry.schedule.length)
      this.accuse(`${delivery} was given up after ${dead.attempts} attempts`);
    const results = this.database.attempts.filter(({ key }) => key === delivery);
    const ends = results.filter(
      ({ outcome }) => outcome === attemptOutcome.delivered || outcome === attemptOutcome.dead,
    );
    if (ends.length > 1 && !this.isDisturbed(delivery)) this.accuse(`${delivery} ended ${ends.length} times`);
  }

  private isDisturbed(delivery: string): boolean {
    return this.disturbed.has(delivery.slice(0, delivery.lastIndexOf('/')));
  }

  /** Not all of its attempts are known by their numbers. */
  private isUncertain(delivery: string): boolean {
    return this.together.has(delivery) || this.isDisturbed(delivery);
  }

  private accuse(what: string): void {
    if (this.violations.length < 20) this.violations.push(what);
  }
}

function mayPark(response: HookResponse): boolean {
  const sign = endpointSign(response, { kind: 'delivered' });
  return sign === 'failing' || sign === 'unreachable';
}
