import type { AlarmClock } from '../timing/alarm-clock.js';
import type { Clock } from '../timing/clock.js';
import type { DeliveryLog } from '../delivery-log.js';
import { openedPark, prolongedPark, type Failure } from './breaker.js';
import type { EndpointSign } from './endpoint-sign.js';
import type { FirstAnswers } from './first-answers.js';
import type { FailureWatch } from './failure-watch.js';
import { bothParks, type Park } from './park.js';
import type { Outcome } from '../outcome/outcome.js';
import type { StreamCursor } from '../reading/owned-stream.js';
import { offerProbe } from './probing.js';
import type { RoundRobin } from '../sending/round-robin.js';
import type { Delivery } from '../delivery.js';
import type { Sender } from '../sending/sender.js';
import type { Settler } from '../settling/settler.js';
import type { StreamReader } from '../reading/stream-reader.js';

export interface ParkingOptions {
  clock: Clock;
  alarms: AlarmClock;
  lines: DeliveryLog;
  random: () => number;
  /** Of the senders that have something to send. */
  line: RoundRobin<Sender>;
  settler: Pick<Settler, 'touch'>;
  reader: Pick<StreamReader, 'consider'>;
  failures: Pick<FailureWatch, 'note'>;
  firstAnswers: Pick<FirstAnswers, 'note'>;
  /** Milliseconds without a success after which a parked subscription is suspended; 0 for never. */
  suspendAfterMs: number;
  onHopeless(sender: Sender): void;
}

/** What an attempt says about its endpoint. */
interface Judged {
  sign: EndpointSign;
  outcome: Outcome;
  /** It answered, be it with an error. */
  hasAnswered: boolean;
}

/**
 * Stops sending to endpoints that ask for quiet or are down, and finds out when they are back. A park is stored with
 * one cursor, whatever the length of the outage; the deliveries that were under way when it began are given back to
 * their cursors and lanes, and count no attempt.
 */
export class Parking {
  private readonly down = new Set<Sender>();

  constructor(private readonly options: ParkingOptions) {}

  /** A cursor begins, with the park that its row carries. */
  adopt(sender: Sender, cursor: StreamCursor): void {
    const { park } = cursor;
    if (park !== undefined && (park.reason === 'failing' || park.until > this.options.clock.now())) {
      this.hold(sender, park);
    }
    this.follow(sender, cursor);
  }

  /** Lets a cursor read, unless its endpoint is down. */
  follow(sender: Sender, cursor: StreamCursor): void {
    if (!sender.isActive || sender.flow.isDown) return;
    cursor.stream.follow(cursor);
    if (cursor.hasNext || cursor.order.hasReady) cursor.eventsArrived();
    this.options.reader.consider(cursor);
  }

  /**
   * Takes down what an attempt says about its endpoint.
   *
   * @returns whether the delivery goes back as if it had not been tried
   */
  judge(delivery: Delivery, { sign, outcome, hasAnswered }: Judged): boolean {
    const { sender } = delivery;
    this.options.failures.note(sender, outcome);
    // The first answer ever is a sign of life, whatever it says.
    if (sign === 'alive' || (hasAnswered && sender.isUnheard)) this.heard(sender);
    if (hasAnswered) this.answered(sender);
    if (sign === 'alive' || sign === 'none' || outcome.kind === 'suspend') return false;
    return this.blame(delivery, sign, this.failureOf(outcome));
  }

  /** Whatever there is against sending, it is sent to now. */
  lift(sender: Sender): void {
    const { flow, cursors } = sender;
    if (flow.park !== undefined) flow.restart();
    flow.heldUntil = 0;
    this.down.delete(sender);
    for (const cursor of cursors) {
      if (cursor.park === undefined) continue;
      cursor.park = undefined;
      this.options.settler.touch(cursor);
    }
  }

  /** A sign of life: what waits for one is sent. */
  heard(sender: Sender): void {
    const { flow } = sender;
    if (!flow.isDown) return flow.streak.clear();
    this.options.lines.info('delivery.endpoint-up', describe(sender, flow.park));
    flow.upAt = this.options.clock.now();
    this.lift(sender);
    for (const cursor of sender.cursors) this.follow(sender, cursor);
    this.options.line.add(sender);
  }

  /** The hook asked another worker for quiet, which stores it. */
  quietElsewhere(sender: Sender, until: number): void {
    const { flow } = sender;
    if (until <= flow.heldUntil) return;
    flow.heldUntil = until;
    this.options.alarms.set(until, () => (flow.isDown ? this.probe(sender) : this.options.line.add(sender)));
  }

  /**
   * The endpoint gave another worker a sign of life: it is probed now, instead of in five minutes. Not taken at that
   * other's word: the way to it from here may be broken still.
   */
  upElsewhere(sender: Sender): void {
    const { flow } = sender;
    if (!flow.isDown || flow.park === undefined) return;
    flow.park = { ...flow.park, until: Math.min(flow.park.until, this.options.clock.now()) };
    this.probe(sender);
  }

  /** Its subscription is gone or its last stream lost. */
  forget(sender: Sender): void {
    this.down.delete(sender);
  }

  /** Sends the probes that are due and had nothing to be made with yet. */
  runOnce(): { probing: number } {
    const now = this.options.clock.now();
    let probing = 0;
    for (const sender of this.down) {
      if (sender.isClosed || !sender.flow.isDown) this.down.delete(sender);
      // Whether there is a token or not: it is asked for once there is something to probe with.
      else if (sender.isActive && sender.inFlight === 0 && now >= sender.flow.closedUntil) {
        probing += 1;
        this.probe(sender);
      }
    }
    return { probing };
  }

  private blame(delivery: Delivery, sign: 'failing' | 'unreachable', failure: Failure): boolean {
    const { flow, isUnheard } = delivery.sender;
    if (flow.isDown) return this.stillDown(delivery, failure);
    const isDown = flow.streak.note(sign, nameOf(delivery), failure.now);
    // One of those that were under way when the hook asked for quiet, which it gets whatever they say.
    if (failure.now < flow.closedUntil) return this.prolongQuiet(delivery, failure);
    if (isDown || isUnheard) return this.open(delivery, failure);
    if (failure.pauseUntil !== undefined) this.quiet(delivery, failure.pauseUntil, failure.error);
    return false;
  }

  private answered(sender: Sender): void {
    sender.heard();
    this.options.firstAnswers.note(sender);
  }

  /** The hook asked for quiet. The settle of its answer stores the park. */
  private quiet({ sender, cursor }: Delivery, until: number, error: string): void {
    const park: Park = { reason: 'retry-after', until, since: this.options.clock.now(), probes: 0, error };
    if (cursor.park === undefined || cursor.park.until < until) cursor.park = park;
    this.hold(sender, park);
  }

  private prolongQuiet(delivery: Delivery, { pauseUntil, error }: Failure): true {
    const { sender, cursor } = delivery;
    if (pauseUntil === undefined || pauseUntil <= sender.flow.closedUntil) return true;
    this.quiet(delivery, pauseUntil, error);
    // No result of this delivery is settled.
    this.options.settler.touch(cursor);
    return true;
  }

  private open(delivery: Delivery, failure: Failure): true {
    const { sender } = delivery;
    const park = openedPark(sender.flow.streak.since ?? failure.now, failure);
    this.options.lines.warn('delivery.endpoint-down', describe(sender, park));
    this.store(delivery, park);
    for (const cursor of sender.cursors) cursor.stream.unfollow(cursor);
    return true;
  }

  private stillDown(delivery: Delivery, failure: Failure): true {
    const { sender } = delivery;
    const { park } = sender.flow;
    if (park === undefined) return true;
    if (!sender.flow.isProbe(delivery)) return this.ofBefore(delivery, park, failure);
    const prolonged = prolongedPark(park, failure);
    this.options.lines.warn('delivery.probe-failed', describe(sender, prolonged));
    this.store(delivery, prolonged);
    for (const cursor of sender.cursors) cursor.stream.unfollow(cursor);
    const { suspendAfterMs } = this.options;
    if (suspendAfterMs > 0 && failure.now - park.since >= suspendAfterMs) this.options.onHopeless(sender);
    return true;
  }

  /** Others were under way when the breaker opened: they tell nothing new, unless they ask for more quiet. */
  private ofBefore(delivery: Delivery, park: Park, { pauseUntil = 0 }: Failure): true {
    if (pauseUntil > park.until) this.store(delivery, { ...park, until: pauseUntil });
    return true;
  }

  /** In the row of the cursor that the last failure was about, and in no other. */
  private store({ sender, cursor }: Delivery, park: Park): void {
    for (const other of sender.cursors) {
      if (other.park === undefined || other === cursor) continue;
      other.park = undefined;
      this.options.settler.touch(other);
    }
    cursor.park = park;
    if (!cursor.isClosed) this.options.settler.touch(cursor);
    this.hold(sender, park);
  }

  private hold(sender: Sender, park: Park): void {
    const { flow } = sender;
    const both = bothParks(flow.park, park);
    if (both === flow.park) return;
    flow.park = both;
    if (both.reason === 'retry-after') return this.options.alarms.set(both.until, () => this.options.line.add(sender));
    this.down.add(sender);
    for (const cursor of sender.cursors) cursor.stream.unfollow(cursor);
    this.options.alarms.set(both.until, () => this.probe(sender));
  }

  private probe(sender: Sender): void {
    if (sender.flow.isDown && sender.isActive) offerProbe(sender, this.options);
  }

  private failureOf(outcome: Outcome): Failure {
    const { clock, random } = this.options;
    return {
      error: 'error' in outcome ? outcome.error : '',
      now: clock.now(),
      pauseUntil: 'pauseUntil' in outcome ? outcome.pauseUntil : undefined,
      random,
    };
  }
}

const nameOf = ({ cursor, event }: Delivery): string => `${cursor.key}/${event.seq}`;

function describe(sender: Sender, park: Park | undefined): Record<string, unknown> {
  return {
    subscription: sender.subscription.name,
    origin: sender.endpoint.origin,
    error: park?.error,
    since: park === undefined ? undefined : new Date(park.since).toISOString(),
    nextProbeAt: park === undefined ? undefined : new Date(park.until).toISOString(),
    probes: park?.probes,
  };
}
