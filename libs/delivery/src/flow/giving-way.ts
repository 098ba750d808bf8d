import type { DeliveryLog } from '../delivery-log.js';
import type { DeliveryStores } from '../delivery-stores.js';
import { SlowedReport } from '../operations/slowed-report.js';
import { followOperations } from '../retries/operations-in-hand.js';
import { PacedRelease } from '../retries/paced-release.js';
import type { RoundRobin } from '../sending/round-robin.js';
import type { Sender, WaitingRetry } from '../sending/sender.js';
import type { AlarmClock } from '../timing/alarm-clock.js';
import { steadyClock, type Clock } from '../timing/clock.js';
import { BacklogGate } from './backlog-gate.js';
import { LiveWatch } from './live-watch.js';

export interface GivingWayOptions {
  stores: Pick<DeliveryStores, 'noteSlowed'> & { retries: Pick<DeliveryStores['retries'], 'operations'> };
  clock: Clock;
  /** Of the steady clock: a pace must not stand still when the wall clock is put back. */
  alarms: AlarmClock;
  lines: DeliveryLog;
  /** Of the senders that have something to send. */
  line: RoundRobin<Sender>;
  /** Some have come back into the line. */
  onOpen: () => void;
}

/** What keeps replays, redrives and backlogs of this worker from slowing live deliveries down. */
export class GivingWay {
  readonly watch: LiveWatch;
  readonly release: PacedRelease;
  readonly backlogs: BacklogGate;
  private readonly report: SlowedReport;

  constructor(private readonly options: GivingWayOptions) {
    const { stores, alarms, lines, line, onOpen } = options;
    const clock = steadyClock(options.clock);
    const watch = new LiveWatch(clock);
    this.watch = watch;
    this.release = new PacedRelease({
      clock,
      alarms,
      share: () => watch.share,
      onReleased: (retry, sender) => {
        watch.besideOthers();
        this.send(retry, sender);
      },
    });
    this.backlogs = new BacklogGate({ clock, alarms, watch, line, onOpen });
    const noteSlowed = stores.noteSlowed.bind(stores);
    this.report = new SlowedReport({ watch, release: this.release, noteSlowed, lines });
  }

  /** The event of a retry is in memory: it may be sent, or waits for its turn of the rate of its operation. */
  loaded(retry: WaitingRetry, sender: Sender): void {
    if (!this.release.add(retry, sender)) this.send(retry, sender);
  }

  /** Learns what has become of the operations whose deliveries are in memory, and says in them how they fare. */
  async runOnce(senders: Iterable<Sender>): Promise<void> {
    await followOperations(senders, { store: this.options.stores.retries, release: this.release });
    this.report.run();
  }

  private send(retry: WaitingRetry, sender: Sender): void {
    sender.loaded.add(retry);
    this.options.line.add(sender);
  }
}
