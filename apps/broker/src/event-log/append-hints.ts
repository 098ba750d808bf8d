import { Injectable } from '@nestjs/common';

/** Stream id → position of its newest event. */
type Heads = ReadonlyMap<number, number>;

/** Passes on which streams just grew, and that some wait for an owner, here or in another process, to whoever in this one cares. */
@Injectable()
export class AppendHints {
  private readonly listeners = new Set<(heads: Heads) => void>();
  private readonly owners = new Set<() => void>();

  onHeads(listener: (heads: Heads) => void): void {
    this.listeners.add(listener);
  }

  announce(heads: Heads): void {
    for (const listener of this.listeners) listener(heads);
  }

  onFree(listener: () => void): void {
    this.owners.add(listener);
  }

  announceFree(): void {
    for (const listener of this.owners) listener();
  }
}
