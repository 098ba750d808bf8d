import type { AlarmClock } from './alarm-clock.js';
import type { Clock } from './clock.js';
import type { Park } from './flow/park.js';
import type { StreamCursor } from './owned-stream.js';
import type { RoundRobin } from './round-robin.js';
import type { Delivery, Sender } from './sender.js';
import type { Settler } from './settler.js';

export interface ParkingOptions {
  clock: Clock;
  alarms: AlarmClock;
  /** Of the senders that have something to send. */
  line: RoundRobin<Sender>;
  settler: Pick<Settler, 'touch'>;
}

/**
 * Keeps the parks of senders and those of their cursors in step: a park is stored with the cursor that it came from, so
 * that the next owner of its stream knows it.
 */
export class Parking {
  constructor(private readonly options: ParkingOptions) {}

  /** A cursor begins, with the park that its row carries. */
  adopt(sender: Sender, { park }: StreamCursor): void {
    if (park !== undefined && park.until > this.options.clock.now()) this.hold(sender, park);
  }

  /** The hook asked for quiet. The settle of its answer stores the park. */
  quiet({ sender, cursor }: Delivery, until: number, error: string): void {
    const park: Park = { reason: 'retry-after', until, since: this.options.clock.now(), probes: 0, error };
    if (cursor.park === undefined || cursor.park.until < until) cursor.park = park;
    this.hold(sender, park);
  }

  /** Whatever the hook wished for, it is sent to now. */
  lift(sender: Sender): void {
    sender.flow.park = undefined;
    for (const cursor of sender.cursors) {
      if (cursor.park === undefined) continue;
      cursor.park = undefined;
      this.options.settler.touch(cursor);
    }
  }

  private hold(sender: Sender, park: Park): void {
    const { flow } = sender;
    if (flow.park !== undefined && flow.park.until >= park.until) return;
    flow.park = park;
    this.options.alarms.set(park.until, () => this.options.line.add(sender));
  }
}
