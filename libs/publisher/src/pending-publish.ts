import { addAbort, removeAbort } from './abort-calls.js';
import type { OutgoingEvent } from './outgoing-event.js';
import { PublishError, type PublishErrorDetails, type PublishErrorReason } from './publish-error.js';
import { startTimer } from './timer.js';

/** An event that the broker has stored. */
export interface PublishedEvent {
  id: string;
  topic: string;
  /** Where it stands in the log: `<stream>:<seq>`; undefined while it waits in the spool. */
  position: string | undefined;
  /** True when an earlier publish with this id had stored it already. */
  duplicate: boolean;
  /** True when the broker was away and the event is safe in the spool, to be published from there. */
  spooled?: true;
}

/** Who waits for a call, and how long. */
export interface PendingOptions {
  /** Infinity: it waits for ever. */
  timeoutMs: number;
  /** What happens to a call that is not settled after so long; it is still rejected when its time is up. */
  slow?: { afterMs: number; act: () => void } | undefined;
  signal: AbortSignal | undefined;
  resolve: (events: PublishedEvent[]) => void;
  reject: (error: PublishError) => void;
  /** Called once, before the promise is settled. */
  onSettled: (pending: PendingPublish) => void;
}

/** Why a call or an attempt failed, in the parts of a {@link PublishError}. */
export interface Failure extends PublishErrorDetails {
  reason: PublishErrorReason;
  message: string;
}

/** One `publish()` or `publishBatch()` call that is not settled yet: it ends by success, failure, time or abort. */
export class PendingPublish {
  readonly bytes: number;
  /** Among the calls of its topic, in the order they came. */
  place = 0;
  /** How often it was sent. */
  attempts = 0;
  isSettled = false;
  /** It went another way than to the broker: it must not be sent any more, and will be settled there. */
  hasLeft = false;
  /** False while it waits for room in the buffer. */
  isAdmitted = false;
  private lastFailure: Failure | undefined;
  private watchers: (() => void)[] | undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly abort: (() => void) | undefined;

  constructor(
    readonly events: readonly OutgoingEvent[],
    /** When its time is up, in milliseconds on the publisher's clock. */
    readonly deadline: number,
    private readonly options: PendingOptions,
  ) {
    this.bytes = events.reduce((sum, event) => sum + event.body.length, 0);
    const { slow, timeoutMs, signal } = options;
    this.timer = slow
      ? startTimer(() => this.actSlow(slow), slow.afterMs)
      : startTimer(() => this.timeOut(), timeoutMs);
    if (signal === undefined) return;
    this.abort = () => this.fail(aborted(signal));
    addAbort(signal, this.abort);
  }

  /** False once nothing is left to be sent. */
  get isWanted(): boolean {
    return !this.isSettled && !this.hasLeft;
  }

  /** Takes it out of the queues; whoever calls this settles it. */
  leave(): void {
    this.hasLeft = true;
  }

  succeed(events: PublishedEvent[]): void {
    if (this.settle()) this.options.resolve(events);
  }

  /** Rejects the call; no effect on one that is settled. */
  fail({ reason, message, ...details }: Failure): void {
    const eventId = this.events.length === 1 ? this.events[0]?.id : undefined;
    if (this.settle()) this.options.reject(new PublishError(reason, message, { ...details, eventId }));
  }

  /** Takes down why an attempt failed, for the case that time runs out before another one succeeds. */
  noteFailure(failure: Failure): void {
    this.lastFailure = failure;
  }

  /** Resolves once the call is settled, in whatever way. */
  async settled(): Promise<void> {
    if (this.isSettled) return;
    await new Promise<void>((resolve) => (this.watchers ??= []).push(resolve));
  }

  private actSlow({ afterMs, act }: NonNullable<PendingOptions['slow']>): void {
    this.timer = startTimer(() => this.timeOut(), Math.max(this.options.timeoutMs - afterMs, 1));
    // After what has arrived meanwhile: where the thread was busy the answer may be there already.
    setImmediate(() => {
      if (this.isWanted) act();
    });
  }

  private timeOut(): void {
    const { status, problem } = this.lastFailure ?? {};
    this.fail({
      reason: 'timeout',
      message: `Not published within ${this.options.timeoutMs} ms${this.lastFailure ? `: ${this.lastFailure.message}` : '.'}`,
      status,
      problem,
      cause: this.lastFailure?.cause,
    });
  }

  private settle(): boolean {
    if (this.isSettled) return false;
    this.isSettled = true;
    clearTimeout(this.timer);
    if (this.abort && this.options.signal) removeAbort(this.options.signal, this.abort);
    this.options.onSettled(this);
    for (const watcher of this.watchers ?? []) watcher();
    return true;
  }
}

export const aborted = (signal: AbortSignal | undefined): Failure => ({
  reason: 'aborted',
  message: 'The publish was aborted.',
  cause: signal?.reason,
});
