/**
 * Tells of a row that was read whether this process has changed it since the read began: what was read of it is out of
 * date then. Remembers changes only as long as a read that may have missed them is under way.
 */
export class RecentChanges {
  /** Grows with every change. */
  private revision = 0;
  /** Revision at the start of each read that is under way. */
  private readonly reads: number[] = [];
  /** Key → revision of its last change, in the order of revisions. */
  private readonly changes = new Map<string, number>();

  get readsUnderWay(): number {
    return this.reads.length;
  }

  note(key: string): void {
    this.revision += 1;
    if (this.reads.length === 0) return;
    this.changes.delete(key);
    this.changes.set(key, this.revision);
  }

  /** @param use gets what was read, and a test for keys that have changed since */
  async reading<T>(
    read: () => Promise<T>,
    use: (result: T, hasChanged: (key: string) => boolean) => void,
  ): Promise<void> {
    const since = this.revision;
    this.reads.push(since);
    try {
      use(await read(), (key) => (this.changes.get(key) ?? 0) > since);
    } finally {
      this.reads.splice(this.reads.indexOf(since), 1);
      this.forget();
    }
  }

  private forget(): void {
    const oldest = Math.min(...this.reads);
    for (const [key, revision] of this.changes) {
      if (revision > oldest) return;
      this.changes.delete(key);
    }
  }
}
