import type { DeliverySubscription } from '@hookcast/delivery';
import { holdsBack } from '../../libs/delivery/src/delivery.js';
import { lineName } from '../../libs/delivery/src/order/order-gate.js';
import type { SentRequest } from './judge.js';
import { cursorKey, deliveryKey, type SimulatedDatabase } from './simulated-database.js';

/** Holds requests against the order that their subscriptions ask for. */
export class LineJudge {
  /** Worker and line → the request that has it. Two workers may each have one, after a takeover. */
  private readonly holders = new Map<string, SentRequest>();
  /** Delivery → requests with it that have ended. */
  private readonly tries = new Map<string, number>();

  constructor(
    private readonly parts: {
      database: SimulatedDatabase;
      /** Taken by the hook, given up, or left out: nobody waits for it. */
      isDone: (delivery: string) => boolean;
      accuse: (what: string) => void;
    },
  ) {}

  sent(request: SentRequest, { ordering, retry }: DeliverySubscription): void {
    for (const { streamId, seq } of request.events) {
      const line = this.lineOf(streamId, seq, ordering);
      if (line === undefined) continue;
      this.hold(request, `${cursorKey(streamId, request.subscriptionId)} line "${line}"`);
      // A cursor that was moved begins again: what comes before the place need not have been sent.
      const moves = this.parts.database.cursors.get(cursorKey(streamId, request.subscriptionId))?.moves;
      if (request.isReplay || moves !== 0) continue;
      for (let earlier = 1; earlier < seq; earlier += 1) {
        if (this.lineOf(streamId, earlier, ordering) !== line) continue;
        if (this.holdsUp(request, { streamId, seq: earlier }, retry.schedule.length))
          this.parts.accuse(`${deliveryKey(streamId, request.subscriptionId, seq)} overtakes ${earlier} of its line`);
      }
    }
  }

  ended(request: SentRequest): void {
    for (const [name, holder] of this.holders) if (holder === request) this.holders.delete(name);
    for (const { streamId, seq } of request.events) {
      const delivery = deliveryKey(streamId, request.subscriptionId, seq);
      this.tries.set(delivery, (this.tries.get(delivery) ?? 0) + 1);
    }
  }

  private hold(request: SentRequest, line: string): void {
    const name = `${request.workerId} ${line}`;
    const holder = this.holders.get(name);
    if (holder !== undefined && holder !== request) this.parts.accuse(`two requests of ${line} at the same time`);
    this.holders.set(name, request);
  }

  private holdsUp(request: SentRequest, place: { streamId: number; seq: number }, waits: number): boolean {
    const { database, isDone } = this.parts;
    const delivery = deliveryKey(place.streamId, request.subscriptionId, place.seq);
    const cursor = database.cursors.get(cursorKey(place.streamId, request.subscriptionId));
    if (cursor === undefined || place.seq <= cursor.startSeq || isDone(delivery)) return false;
    if (request.events.some(({ streamId, seq }) => streamId === place.streamId && seq === place.seq)) return false;
    const row = database.retries.get(delivery);
    // Its last attempt may have ended for good, and not be stored yet. What was asked for by hand holds nothing up.
    if (row === undefined) return (this.tries.get(delivery) ?? 0) <= waits;
    return holdsBack(row.kind) && row.attempts < waits;
  }

  private lineOf(streamId: number, seq: number, ordering: DeliverySubscription['ordering']): string | undefined {
    return lineName(ordering, this.parts.database.streams.get(streamId)?.events[seq - 1]?.key);
  }
}
