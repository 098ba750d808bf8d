/** What a worker asks about the history of its database. */
export interface TimelineStore {
  /** Undefined when the server cannot say. */
  read(): Promise<string | undefined>;
  /** Calls back whenever a connection came or went: another server may answer from then on. */
  onDoubt(doubt: () => void): void;
}

/**
 * Notices that another server has taken the place of the one this worker knows. That one may have lost commits (a
 * standby that was behind), and then positions stand for other events than the worker remembers.
 */
export class Timeline {
  private changes = 0;
  private known: string | undefined;
  private isDoubtful = true;
  private looking: Promise<void> | undefined;

  /** @param onChanged forgets all that is known from before, at once */
  constructor(
    private readonly store: TimelineStore,
    private readonly onChanged: (timeline: string) => void,
  ) {
    store.onDoubt(() => (this.isDoubtful = true));
  }

  /** Of the history as known so far, for `isStill`. */
  get number(): number {
    return this.changes;
  }

  /**
   * Whether the database still has the history that had this number. Asks it only after connections came or went.
   *
   * @throws when it cannot be asked
   */
  async isStill(number: number): Promise<boolean> {
    if (this.isDoubtful || this.looking) await this.look();
    return this.changes === number;
  }

  /** Asks the database now. */
  async look(): Promise<void> {
    this.looking ??= this.ask().finally(() => (this.looking = undefined));
    await this.looking;
  }

  private async ask(): Promise<void> {
    this.isDoubtful = false;
    try {
      const timeline = await this.store.read();
      const before = this.known;
      this.known = timeline;
      if (before === undefined || timeline === undefined || before === timeline) return;
      this.changes += 1;
      this.onChanged(timeline);
    } catch (error) {
      this.isDoubtful = true;
      throw error;
    }
  }
}
