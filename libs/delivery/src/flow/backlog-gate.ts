import { RoundRobin } from '../sending/round-robin.js';
import type { Sender } from '../sending/sender.js';
import type { AlarmClock } from '../timing/alarm-clock.js';
import type { Clock } from '../timing/clock.js';
import { EvenPace } from './even-pace.js';
import type { LiveWatch } from './live-watch.js';

export interface BacklogGateOptions {
  clock: Pick<Clock, 'now'>;
  alarms: AlarmClock;
  watch: Pick<LiveWatch, 'share' | 'besideOthers'>;
  /** Of the senders that have something to send. */
  line: RoundRobin<Sender>;
}

/** Milliseconds over which it is measured how fast backlogs are drained. */
const measuredMs = 500;
/** Events a second: what counts as full speed before any was measured, and the least that is left of it. */
const speed = { first: 1_000, least: 100 };

/**
 * Lets subscriptions that are behind send a part of what they would, while live deliveries wait: events of a new
 * subscription that begins in the past, or of one that comes back after an outage.
 */
export class BacklogGate {
  private readonly pace = new EvenPace();
  private readonly waiting = new RoundRobin<Sender>();
  private isArmed = false;
  private full = speed.first;
  private sent = { events: 0, since: 0 };

  constructor(private readonly options: BacklogGateOptions) {}

  /** False when it has to wait: it comes back into the line when its turn has come. */
  admits(sender: Sender): boolean {
    if (!sender.isBehind) return true;
    const { share } = this.options.watch;
    if (share >= 1) return true;
    const now = this.options.clock.now();
    if (this.pace.take(1, { rate: this.rateOf(share), now }) === 1) return true;
    this.waiting.add(sender);
    this.arm(now, share);
    return false;
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

  private open(): void {
    this.isArmed = false;
    for (let sender = this.waiting.next(); sender !== undefined; sender = this.waiting.next()) {
      this.options.line.add(sender);
    }
  }
}
