import type { OwnedStream, StreamCursor } from '../reading/owned-stream.js';
import type { Conditions } from '../timing/conditions.js';

export interface StreamDrainOptions {
  conditions: Conditions;
  /** Those that are this worker's now. */
  streams: ReadonlyMap<number, OwnedStream>;
  drop(stream: OwnedStream): void;
  /** Lets cursors that have nothing under way begin again as the database has them. */
  restart(cursors: readonly StreamCursor[]): void;
}

/** Milliseconds that everything of a stream stands still for the requests under way; most hooks answer sooner. */
const standstillMs = 250;
/** Standstills, the last of which takes as long as it takes. */
const mostStandstills = 4;

/**
 * Brings a stream to a standstill, so that another worker can go on with it: nothing new is sent, and what was sent is
 * answered and settled. Where a hook is slow, its subscription alone waits for the answer; the others go on meanwhile,
 * and then stand still once more.
 */
export class StreamDrain {
  constructor(private readonly options: StreamDrainOptions) {}

  /**
   * Lets go of a stream once nothing of it is under way.
   *
   * @param isWantedAgain whether it is to stay after all
   * @returns whether it is to be given away
   */
  async drain(streamId: number, isWantedAgain: () => boolean): Promise<boolean> {
    const stream = this.options.streams.get(streamId);
    if (!stream) return true;
    const isDrained = await this.run(stream, isWantedAgain);
    if (isDrained && this.isHeld(stream)) this.options.drop(stream);
    return isDrained;
  }

  /** @returns whether it stands still, or is another's */
  async run(stream: OwnedStream, isWantedAgain: () => boolean): Promise<boolean> {
    for (let standstill = 1; !isWantedAgain(); standstill += 1) {
      stream.isClosing = true;
      await this.standStill(stream, standstill < mostStandstills ? standstillMs : undefined);
      if (this.isOver(stream)) break;
      await this.goOnWithoutSlow(stream);
    }
    if (!this.isHeld(stream) || !isWantedAgain()) return true;
    this.reopen(stream);
    return false;
  }

  private isHeld(stream: OwnedStream): boolean {
    return this.options.streams.get(stream.streamId) === stream;
  }

  private isOver(stream: OwnedStream): boolean {
    return stream.isQuiet || !this.isHeld(stream);
  }

  private async standStill(stream: OwnedStream, forMs: number | undefined): Promise<void> {
    const { conditions } = this.options;
    let isImpatient = false;
    const impatience =
      forMs === undefined
        ? undefined
        : setTimeout(() => {
            isImpatient = true;
            conditions.check();
          }, forMs);
    await conditions.until(() => isImpatient || this.isOver(stream));
    clearTimeout(impatience);
  }

  private async goOnWithoutSlow(stream: OwnedStream): Promise<void> {
    const slow = stream.busyCursors;
    for (const cursor of slow) cursor.isHeldUp = true;
    stream.isClosing = false;
    this.options.restart([...stream.cursors.values()].filter((cursor) => !slow.includes(cursor)));
    const isWaiting = () => stream.requests.areLeftOver || slow.some(({ isBusy }) => isBusy);
    await this.options.conditions.until(() => !isWaiting() || !this.isHeld(stream));
  }

  private reopen(stream: OwnedStream): void {
    const still = [...stream.cursors.values()].filter(({ maySend }) => !maySend);
    stream.isClosing = false;
    for (const cursor of still) cursor.isHeldUp = false;
    this.options.restart(still);
  }
}
