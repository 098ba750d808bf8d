import { Injectable } from '@nestjs/common';

/** Stream id → position of its newest event. */
type Heads = ReadonlyMap<number, number>;

/** Passes on which streams just grew, here or in another process, to whoever in this process waits for events. */
@Injectable()
export class AppendHints {
  private readonly listeners = new Set<(heads: Heads) => void>();

  onHeads(listener: (heads: Heads) => void): void {
    this.listeners.add(listener);
  }

  announce(heads: Heads): void {
    for (const listener of this.listeners) listener(heads);
  }
}
