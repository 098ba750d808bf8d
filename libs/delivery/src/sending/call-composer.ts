import { bytesInBatch } from './batch-request.js';
import { HookCall, type Delivery } from '../delivery.js';
import type { FilterReport } from '../reading/filter-report.js';
import type { Sender } from './sender.js';
import type { Settler } from '../settling/settler.js';

export interface ComposerOptions {
  settler: Pick<Settler, 'pass' | 'expire' | 'postpone'>;
  filterReport: FilterReport;
  /** A delivery was taken: more events or retries may be wanted. */
  onTaken(delivery: Delivery): void;
}

/** Events that a batch looks at beyond what it may hold, since filters may keep many of them back. */
const lookedBeyond = 64;

/** Puts together what goes in the next request of a subscription. */
export class CallComposer {
  constructor(private readonly options: ComposerOptions) {}

  /**
   * @param room most events, at least 1
   * @returns undefined when there was nothing to take; a call without deliveries when all that was taken waits or is settled
   */
  compose(sender: Sender, room: number, now: number): HookCall | undefined {
    const call = new HookCall(sender);
    const { limit, mostLooked } = boundsOf(sender, room);
    for (let looked = 0; looked < mostLooked && call.deliveries.length < limit; looked += 1) {
      const delivery = sender.take(call);
      if (delivery === undefined) return looked === 0 ? undefined : call;
      this.options.onTaken(delivery);
      if (this.isToBeSent(delivery, call, now) && this.isFullWith(delivery, call)) return call;
    }
    return call;
  }

  /** False when it is settled without a request. */
  private isToBeSent(delivery: Delivery, call: HookCall, now: number): boolean {
    const { settler } = this.options;
    const isNew = !delivery.isChecked && delivery.retry === undefined;
    delivery.isChecked = true;
    // What waited was wanted when it began to wait, and what is redelivered was asked for.
    if (isNew && !this.isWanted(delivery, now)) {
      settler.pass(delivery);
      return false;
    }
    if (delivery.expiresAt <= now) {
      settler.expire(delivery, now);
      this.leaveOrder(delivery, call);
      return false;
    }
    if (isNew && delivery.event.deliverAt > now) {
      settler.postpone(delivery);
      return false;
    }
    return true;
  }

  /** What the gate has not let in holds no part of its line, though others of the request may. */
  private leaveOrder(delivery: Delivery, call: HookCall): void {
    const { order } = delivery.cursor;
    if (delivery.isAdmitted) order.ended(delivery, call, 'settled');
    else order.forget(delivery.seq);
  }

  private isWanted(delivery: Delivery, now: number): boolean {
    const { filter } = delivery.sender.settings;
    if (filter === undefined) return true;
    const verdict = filter.matches(delivery.event.view);
    if (verdict.kind === 'match') return true;
    this.options.filterReport.keptBack(delivery, verdict, now);
    return false;
  }

  private isFullWith(delivery: Delivery, call: HookCall): boolean {
    return !this.join(delivery, call) || call.first?.isAlone === true;
  }

  /** False when the call is full for it. What has to wait for others stays with the gate, and the call goes on. */
  private join(delivery: Delivery, call: HookCall): boolean {
    const { sender, cursor } = delivery;
    const bytes = sender.subscription.batch === null ? 0 : bytesInBatch(delivery.event);
    if (!fits(delivery, bytes, call)) {
      if (delivery.isAdmitted) cursor.order.putBack(delivery, call);
      else sender.carry(delivery, call.lane);
      delivery.isAdmitted = false;
      return false;
    }
    delivery.isAdmitted ||= cursor.order.admit(delivery, call);
    if (delivery.isAdmitted) call.add(delivery, bytes);
    return true;
  }
}

function boundsOf({ subscription: { batch } }: Sender, room: number): { limit: number; mostLooked: number } {
  if (batch === null) return { limit: 1, mostLooked: 1 };
  const limit = Math.min(batch.maxEvents, room);
  return { limit, mostLooked: limit + lookedBeyond };
}

/** Brackets around the events. */
const frameBytes = 2;

function fits(delivery: Delivery, bytes: number, call: HookCall): boolean {
  const { first } = call;
  if (first === undefined) return true;
  const { batch } = call.sender.subscription;
  return (
    batch !== null &&
    !delivery.isAlone &&
    delivery.isReplay === first.isReplay &&
    delivery.cursor.stream.ref.topicId === call.topicId &&
    call.bytes + bytes + frameBytes <= batch.maxBytes &&
    call.canTellOf(delivery)
  );
}
