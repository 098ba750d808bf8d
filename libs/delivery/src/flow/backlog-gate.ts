import { RoundRobin } from '../sending/round-robin.js';
import type { Sender } from '../sending/sender.js';
import type { AlarmClock } from '../timing/alarm-clock.js';
import type { Clock } from '../timing/clock.js';
import { EvenPace } from './even-pace.js';
import type { LiveWatch } from './live-watch.js';
import { LoopTurn } from './loop-turn.js';

export interface BacklogGateOptions {
  clock: Pick<Clock, 'now'>;
  alarms: AlarmClock;
  watch: Pick<LiveWatch, 'share' | 'besideOthers'>;
  /** Of the senders that have something to send. */
  line: RoundRobin<Sender>;
  /** Some have come back into the line. */
  onOpen: () => void;
  /** For tests; see LoopTurnOptions. */
  schedule?: (work: () => void) => void;
}

/** Milliseconds over which it is measured how fast backlogs are drained. */
const measuredMs = 500;
/** Events a second: what counts as full speed before any was measured, and the least that is left of it. */
const speed = { first: 1_000, least: 100 };
/** Senders that come back into the line in one turn of the event loop: more than can send in one. */
const mostOfATurn = 64;

/**
 * What subscriptions that are behind may send: events of a new subscription that begins in the past, or of one that
 * comes back after an outage. They leave the larger part of each turn of the event loop to publishers and live
 * deliveries, which would wait for as many answers as there are requests in flight; and while live deliveries
 * wait nevertheless, they send a part of what they would.
 */
export class BacklogGate {
  private readonly pace = new EvenPace();
  private readonly waiting = new RoundRobin<Sender>();
  private readonly turn: LoopTurn;
  /** For the next turn of the event loop. */
  private readonly ofNextTurn = new RoundRobin<Sender>();
  private isArmed = false;
  private full = speed.first;
  private sent = { events: 0, since: 0 };

  constructor(private readonly options: BacklogGateOptions) {
    const { clock, schedule } = options;
    this.turn = new LoopTurn({ clock: { monotonic: () => clock.now() }, onTurn: () => this.openTurn(), schedule });
  }

  /** Somebody sends as soon as the event loop has turned. */
  get isTurning(): boolean {
    return this.ofNextTurn.size > 0;
  }

  /** False when it has to wait: it comes back into the line when its turn has come. */
  admits(sender: Sender): boolean {
    if (!sender.isBehind) return true;
    if (!this.turn.hasRoom) {
      this.ofNextTurn.add(sender);
      return false;
    }
    const { share } = this.options.watch;
    if (share >= 1) return true;
    const now = this.options.clock.now();
    if (this.pace.take(1, { rate: this.rateOf(share), now }) === 1) return true;
    this.waiting.add(sender);
    this.arm(now, share);
    return false;
  }

  /** Does what an answer asks for. Those to a backlog come in bunches, and everybody else would wait for the whole bunch. */
  finishing(sender: Sender, work: () => void): void {
    if (sender.isBehind) this.turn.run(work);
    else work();
  }

  /** So many events of a backlog are sent in one request. */
  passed(events: number): void {
    const { watch, clock } = this.options;
    const now = clock.now();
    watch.besideOthers();
    // At full speed nothing was taken for it.
    if (watch.share < 1) this.pace.spend(events - 1);
    this.sent.events += events;
    const elapsed = now - this.sent.since;
    if (elapsed < measuredMs) return;
    // After a pause it says nothing.
    if (watch.share >= 1 && elapsed < 2 * measuredMs) this.full = (this.sent.events * 1_000) / elapsed;
    this.sent = { events: 0, since: now };
  }

  private rateOf(share: number): number {
    return Math.max(this.full * share, speed.least);
  }

  private arm(now: number, share: number): void {
    if (this.isArmed) return;
    this.isArmed = true;
    this.options.alarms.set(now + this.pace.waitMs(this.rateOf(share)), () => this.open());
  }

  private openTurn(): void {
    if (this.ofNextTurn.size === 0) return;
    for (let count = 0; count < mostOfATurn; count += 1) {
      const sender = this.ofNextTurn.next();
      if (sender !== undefined) this.options.line.add(sender);
    }
    if (this.ofNextTurn.size > 0) this.turn.begin();
    this.options.onOpen();
  }

  private open(): void {
    this.isArmed = false;
    for (let sender = this.waiting.next(); sender !== undefined; sender = this.waiting.next()) {
      this.options.line.add(sender);
    }
  }
}
