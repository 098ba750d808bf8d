import type { Clock } from './clock.js';
import { DueHeap, type Due } from './due-heap.js';

interface Alarm extends Due {
  ring(): void;
}

/** The longest wait a timer of Node takes. */
const longestTimerMs = 2 ** 31 - 1;

/** Rings at given times, to the millisecond, with one timer however many alarms are set. */
export class AlarmClock {
  private readonly alarms = new DueHeap<Alarm>();
  private timer: NodeJS.Timeout | undefined;
  private timerAt = Number.POSITIVE_INFINITY;
  private isRunning = false;

  /** @param onRing called after alarms have rung */
  constructor(
    private readonly clock: Clock,
    private readonly onRing: () => void,
  ) {}

  /** @param at unix milliseconds */
  set(at: number, ring: () => void): void {
    this.alarms.push({ at, ring });
    if (this.isRunning && at < this.timerAt) this.arm();
  }

  /** Rings whatever is due. */
  ringDue(): void {
    const now = this.clock.now();
    let alarm = this.alarms.popDue(now);
    if (alarm === undefined) return;
    for (; alarm !== undefined; alarm = this.alarms.popDue(now)) alarm.ring();
    this.onRing();
  }

  start(): void {
    this.isRunning = true;
    this.arm();
  }

  stop(): void {
    this.isRunning = false;
    clearTimeout(this.timer);
    this.timerAt = Number.POSITIVE_INFINITY;
  }

  private arm(): void {
    clearTimeout(this.timer);
    this.timerAt = this.alarms.nextAt;
    if (this.timerAt === Number.POSITIVE_INFINITY) return;
    const wait = Math.min(Math.max(this.timerAt - this.clock.now(), 0), longestTimerMs);
    this.timer = setTimeout(() => {
      this.ringDue();
      if (this.isRunning) this.arm();
    }, wait);
  }
}
