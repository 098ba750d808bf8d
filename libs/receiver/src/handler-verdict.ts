import type { Verdict } from '@hookcast/protocol';

/** By this, and not by their class, verdicts are known: a program may have loaded this package as ESM and as CommonJS. */
const brand = Symbol.for('hookcast.verdict');

/** What a handler throws to say what becomes of its event. It is no failure: `onError` is not told. */
export abstract class HandlerVerdict extends Error {
  abstract readonly verdict: Exclude<Verdict, 'ok'>;
  /** Seconds before the next attempt, at least. */
  readonly afterSeconds: number | undefined = undefined;

  constructor(reason: string) {
    super(reason);
    Object.defineProperty(this, brand, { value: true });
  }
}

/** True for a verdict of this copy of the package or another. */
export const isVerdict = (thrown: unknown): thrown is HandlerVerdict =>
  typeof thrown === 'object' && thrown !== null && Reflect.get(thrown, brand) === true;

/** Deliver the event again, on the schedule of the subscription. */
export class Retry extends HandlerVerdict {
  override readonly name: string = 'Retry';
  readonly verdict = 'retry';

  constructor(reason = 'The handler asked for another attempt.') {
    super(reason);
  }
}

/** Deliver the event again, but not before so many seconds have passed. Other events of the hook do not wait. */
export class RetryAfter extends Retry {
  override readonly name = 'RetryAfter';
  override readonly afterSeconds: number;

  /**
   * @param seconds from 0; fractions are rounded up; the broker waits a day at most
   * @throws {RangeError} when it is no length of time
   */
  constructor(seconds: number, reason?: string) {
    super(reason);
    if (!(seconds >= 0 && seconds < Infinity)) throw new RangeError(`RetryAfter takes seconds from 0, not ${seconds}`);
    this.afterSeconds = Math.ceil(seconds);
  }
}

/** Settle the event without having handled it; it is counted as dropped. */
export class Drop extends HandlerVerdict {
  override readonly name = 'Drop';
  readonly verdict = 'drop';

  constructor(reason = 'The handler dropped the event.') {
    super(reason);
  }
}

/** Keep the event as a dead letter at once, whatever attempts are left. */
export class DeadLetter extends HandlerVerdict {
  override readonly name = 'DeadLetter';
  readonly verdict = 'dead-letter';

  constructor(reason = 'The handler gave the event up.') {
    super(reason);
  }
}

/** How the handlers of one event ended. */
export type Handled =
  | { kind: 'done' }
  /** Something was thrown that is no verdict. */
  | { kind: 'failed' }
  /** No handler matches. */
  | { kind: 'unhandled' }
  /** Not handled, because an event before it has to come again first, or there was no room. */
  | { kind: 'held' }
  | { kind: 'verdict'; verdict: Exclude<Verdict, 'ok'>; afterSeconds: number | undefined };

/** What several handlers of one event come to: the one that loses least speaks for all. */
export function handledOf(thrown: readonly unknown[]): Handled {
  if (thrown.length === 0) return { kind: 'done' };
  const verdicts = thrown.filter(isVerdict);
  if (verdicts.length < thrown.length) return { kind: 'failed' };
  const verdict = strongestFirst.find((each) => verdicts.some((thrownOne) => thrownOne.verdict === each)) ?? 'retry';
  return { kind: 'verdict', verdict, afterSeconds: verdict === 'retry' ? longest(verdicts) : undefined };
}

const strongestFirst = ['retry', 'dead-letter', 'drop'] as const;

const longest = (verdicts: readonly HandlerVerdict[]): number | undefined =>
  verdicts.reduce<number | undefined>(
    (most, { afterSeconds }) => (afterSeconds === undefined ? most : Math.max(most ?? 0, afterSeconds)),
    undefined,
  );

/** True when the event comes again, so that later ones of its key must not go before it. */
export const comesAgain = (handled: Handled): boolean =>
  handled.kind === 'verdict' ? handled.verdict === 'retry' : handled.kind !== 'done';
