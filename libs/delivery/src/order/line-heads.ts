import type { FailingDelivery } from './failing-line-store.js';
import { lineName, type Ordering } from './order-gate.js';

/** The first failing delivery of each line, by stream and line: what later events of the line wait for. */
export class LineHeads {
  private readonly heads = new Map<string, FailingDelivery>();

  /** @param failing of one subscription, in any order */
  constructor(
    private readonly ordering: Ordering,
    failing: readonly FailingDelivery[],
  ) {
    for (const delivery of failing) {
      const line = this.lineOf(delivery);
      const head = line === undefined ? undefined : this.heads.get(line);
      if (line !== undefined && (head === undefined || delivery.seq < head.seq)) this.heads.set(line, delivery);
    }
  }

  /** One for each line that something holds back, in the order in which they were given. */
  get all(): FailingDelivery[] {
    return [...this.heads.values()];
  }

  /** What a delivery that was not tried yet waits for, if anything. */
  blockerOf(delivery: { streamId: number; key: string | undefined }): FailingDelivery | undefined {
    const line = this.lineOf(delivery);
    return line === undefined ? undefined : this.heads.get(line);
  }

  private lineOf({ streamId, key }: { streamId: number; key: string | undefined }): string | undefined {
    const name = lineName(this.ordering, key);
    return name === undefined ? undefined : `${streamId}/${name}`;
  }
}
