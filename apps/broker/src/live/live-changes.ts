/** What a namespace looks like at one moment. */
export interface LiveSample {
  /** Topic → events ever published. */
  heads: ReadonlyMap<string, number>;
  /** Subscription → its state. */
  states: ReadonlyMap<string, { state: string; reason: string | null }>;
  /** What attempts came to, by subscription and minute. */
  attempts: readonly MinuteAttempts[];
}

export interface MinuteAttempts {
  subscription: string;
  /** Unix milliseconds. */
  minute: number;
  delivered: number;
  failed: number;
  dead: number;
}

export type LiveChange =
  | { kind: 'published'; topic: string; events: number }
  | { kind: 'attempted'; subscription: string; delivered: number; failed: number; dead: number }
  | { kind: 'state'; subscription: string; from: string | null; to: string | null; reason: string | null };

/** What happened between two looks. Pure. */
export function liveChanges(before: LiveSample, after: LiveSample): LiveChange[] {
  return [...published(before, after), ...attempted(before, after), ...moved(before, after)];
}

function published(before: LiveSample, after: LiveSample): LiveChange[] {
  return [...after.heads].flatMap(([topic, head]) => {
    const events = head - (before.heads.get(topic) ?? 0);
    return events > 0 ? [{ kind: 'published' as const, topic, events }] : [];
  });
}

function attempted(before: LiveSample, after: LiveSample): LiveChange[] {
  const known = new Map(before.attempts.map((one) => [`${one.subscription} ${one.minute}`, one]));
  const sums = new Map<string, Extract<LiveChange, { kind: 'attempted' }>>();
  for (const { subscription, minute, ...counts } of after.attempts) {
    const old = known.get(`${subscription} ${minute}`) ?? { delivered: 0, failed: 0, dead: 0 };
    const sum = sums.get(subscription) ?? { kind: 'attempted', subscription, delivered: 0, failed: 0, dead: 0 };
    sum.delivered += counts.delivered - old.delivered;
    sum.failed += counts.failed - old.failed;
    sum.dead += counts.dead - old.dead;
    sums.set(subscription, sum);
  }
  return [...sums.values()].filter(({ delivered, failed, dead }) => delivered + failed + dead > 0);
}

function moved(before: LiveSample, after: LiveSample): LiveChange[] {
  const names = new Set([...before.states.keys(), ...after.states.keys()]);
  return [...names].flatMap((subscription) => {
    const [old, now] = [before.states.get(subscription), after.states.get(subscription)];
    const [from, to] = [old?.state ?? null, now?.state ?? null];
    return from === to ? [] : [{ kind: 'state' as const, subscription, from, to, reason: now?.reason ?? null }];
  });
}
