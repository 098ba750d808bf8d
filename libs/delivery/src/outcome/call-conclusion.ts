import type { HookResponse } from '@hookcast/egress';
import { decideBatch, type CallContext, type CallOutcome } from './call-outcome.js';
import type { Delivery, HookCall } from '../delivery.js';
import { decide } from './outcome.js';
import type { StreamCursor } from '../reading/owned-stream.js';

/** What a request came to for one of its deliveries. */
export interface Conclusion extends CallOutcome {
  delivery: Delivery;
  /** An earlier event of its key failed in the same request, so it is sent again after that one, whatever it came to. */
  isHeldBack: boolean;
}

/** What an answer comes to for every delivery of a request, in their order. */
export function conclude(call: HookCall, response: HookResponse, context: CallContext): Conclusion[] {
  return call.sender.template.isBatch
    ? concludeBatch(call, response, context)
    : call.deliveries.map((delivery) => concludeOne(delivery, response, context));
}

/** Most requests carry one event, so this is paid for every delivery: a literal, where a spread would cost as much as the decision. */
function concludeOne(delivery: Delivery, response: HookResponse, { policy, now, random }: CallContext): Conclusion {
  const { attempt, expiresAt } = delivery;
  const outcome = decide(response, { attempt, expiresAt, policy, now, random });
  return { delivery, outcome, isAlone: false, isHeldBack: false };
}

function concludeBatch(call: HookCall, response: HookResponse, context: CallContext): Conclusion[] {
  const failed = new FailedLines();
  const events = call.deliveries.map(({ event, attempt, expiresAt }) => ({ id: event.stored.id, attempt, expiresAt }));
  const outcomes = decideBatch(response, events, context);
  return call.deliveries.flatMap((delivery, index): Conclusion[] => {
    const result = outcomes[index];
    if (result === undefined) return [];
    const { outcome } = result;
    // What the hook gave up for good stays given up; only an `ok` out of order is not taken for one.
    const isOpenEnded = outcome.kind !== 'dead' && outcome.kind !== 'dropped';
    if (isOpenEnded && failed.holdBack(delivery)) return [heldBack(delivery, context.now)];
    if (outcome.kind === 'retry' || outcome.kind === 'suspend') failed.add(delivery);
    return [{ ...result, delivery, isHeldBack: false }];
  });
}

const heldBack = (delivery: Delivery, now: number): Conclusion => ({
  delivery,
  isHeldBack: true,
  isAlone: true,
  outcome: { kind: 'retry', at: now, error: 'order: an earlier event of its key failed' },
});

/** Keys of which an event has failed in a request, stream by stream; under `strict` the stream itself. */
class FailedLines {
  private readonly lines = new Map<StreamCursor, Set<string>>();

  add(delivery: Delivery): void {
    const line = lineOf(delivery);
    if (line === undefined) return;
    const known = this.lines.get(delivery.cursor);
    if (known) known.add(line);
    else this.lines.set(delivery.cursor, new Set([line]));
  }

  /** Only first tries: a retry is the first of its key. */
  holdBack(delivery: Delivery): boolean {
    const line = lineOf(delivery);
    return line !== undefined && delivery.standing === 'first' && this.lines.get(delivery.cursor)?.has(line) === true;
  }
}

function lineOf({ cursor, key }: Delivery): string | undefined {
  const { ordering } = cursor.order;
  if (ordering === 'none') return undefined;
  return ordering === 'strict' ? '' : key;
}
