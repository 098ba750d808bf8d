import { AlarmClock } from './alarm-clock.js';
import { steadyClock, type Clock } from './clock.js';

/** Alarms for times that are stored, and for pauses that must end whatever happens to the wall clock. */
export class AlarmClocks {
  readonly wall: AlarmClock;
  readonly steady: AlarmClock;

  /** @param onRing called after alarms have rung */
  constructor(clock: Clock, onRing: () => void) {
    this.wall = new AlarmClock(clock, onRing);
    this.steady = new AlarmClock(steadyClock(clock), onRing);
  }

  start(): void {
    this.wall.start();
    this.steady.start();
  }

  stop(): void {
    this.wall.stop();
    this.steady.stop();
  }

  /** Rings whatever is due. */
  ringDue(): void {
    this.wall.ringDue();
    this.steady.ringDue();
  }
}
