import type { Subscription } from '@hookcast/database';
import type { SubscriptionFigures } from './subscription-figures.js';

/** In the order in which somebody should look at them. */
export const troubleKinds = [
  'suspended',
  'stale',
  'endpoint-down',
  'blocked-keys',
  'failing',
  'asked-for-quiet',
  'lagging',
  'rate-limited',
  'paused',
] as const;

export type TroubleKind = (typeof troubleKinds)[number];

export interface Trouble {
  kind: TroubleKind;
  /** In words. */
  reason: string;
}

type Judged = Pick<Subscription, 'state' | 'stateReason' | 'rateLimit' | 'neverAnswered'> &
  Pick<SubscriptionFigures, 'parked' | 'blockedKeys' | 'successRate' | 'backlog' | 'oldestPendingAt'>;

export const healthyRate = 0.9;
const laggingMs = 60_000;
/** A backlog of so many seconds at its own limit is more than a burst. */
const limitSeconds = 10;

/** What keeps a subscription from getting its events as they come, the gravest first; nothing where all is well. */
export function troublesOf(one: Judged, now: Date): Trouble[] {
  const found = [...stateTrouble(one), ...parkTrouble(one), ...keyTrouble(one), ...rateTrouble(one)];
  const lag = found.length === 0 ? lagTrouble(one, now) : [];
  return [...found, ...lag].toSorted((a, b) => troubleKinds.indexOf(a.kind) - troubleKinds.indexOf(b.kind));
}

function stateTrouble({ state, stateReason }: Judged): Trouble[] {
  if (state === 'active') return [];
  const words = {
    paused: 'was paused by hand; its backlog is kept',
    suspended: suspendedWords(stateReason),
    stale: 'its service was not heard of in time; its backlog is kept',
  }[state];
  return [{ kind: state, reason: words }];
}

function suspendedWords(stateReason: string | null): string {
  if (stateReason === 'handshake-pending')
    return 'its hook has not agreed to be sent to yet; it is asked again by itself';
  const why = stateReason === 'gone' ? 'the hook answered 410 Gone' : stateReason;
  return `${why === null ? '' : `${why}; `}nothing is sent until somebody resumes it`;
}

function parkTrouble({ parked, neverAnswered }: Judged): Trouble[] {
  if (parked === null) return [];
  const { reason, since, until, probes, error } = parked;
  if (reason === 'retry-after') return [{ kind: 'asked-for-quiet', reason: `the hook asked for quiet until ${until}` }];
  const last = error === null ? '' : `; last failure: ${error}`;
  const tried = probes === 0 ? '' : `, ${probes} ${probes === 1 ? 'probe' : 'probes'} failed`;
  const what = neverAnswered ? 'has never answered, tried' : 'down';
  return [{ kind: 'endpoint-down', reason: `${what} since ${since}${tried}, next probe at ${until}${last}` }];
}

function keyTrouble({ blockedKeys }: Judged): Trouble[] {
  const [first] = blockedKeys;
  if (!first) return [];
  const what =
    first.key === null
      ? 'the stream waits'
      : `${blockedKeys.length} ${blockedKeys.length === 1 ? 'key waits' : 'keys wait'}`;
  const error = first.lastError === null ? '' : `: ${first.lastError}`;
  return [{ kind: 'blocked-keys', reason: `${what} behind ${first.eventId ?? first.position}${error}` }];
}

function rateTrouble({ successRate, rateLimit, backlog }: Judged): Trouble[] {
  const found: Trouble[] = [];
  if (successRate !== null && successRate < healthyRate)
    found.push({
      kind: 'failing',
      reason: `${Math.floor(successRate * 100)} % of the attempts of the last hour succeed`,
    });
  if (rateLimit !== null && backlog > rateLimit * limitSeconds)
    found.push({ kind: 'rate-limited', reason: `${backlog} events wait for its limit of ${rateLimit} a second` });
  return found;
}

function lagTrouble({ oldestPendingAt }: Judged, now: Date): Trouble[] {
  const waitsMs = oldestPendingAt === null ? 0 : now.getTime() - Date.parse(oldestPendingAt);
  if (waitsMs < laggingMs) return [];
  return [{ kind: 'lagging', reason: `its oldest event waits for ${Math.floor(waitsMs / 1000)} s` }];
}
