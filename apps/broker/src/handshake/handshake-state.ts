import type { Subscription, SubscriptionHandshake } from '@hookcast/database';
import type { HandshakeOutcome } from './handshake-verdict.js';

export type HandshakeMode = 'off' | 'optional' | 'required';

/** The columns of a subscription that say how its hook answered the handshake. */
export type HandshakeColumns = Pick<Subscription, 'handshake' | 'handshakeAt'> &
  /** Where it did answer. */
  Partial<Pick<Subscription, 'neverAnswered'>>;

/** Nobody was asked: the handshake is off, or the URL is older than it. */
export const notAsked: HandshakeColumns = { handshake: null, handshakeAt: null };

/** A URL that nobody was asked about yet. */
export function toBeAsked(mode: HandshakeMode, now: Date): HandshakeColumns {
  if (mode === 'off') return notAsked;
  const told = { by: null, allowedRate: null, detail: null, askedAt: now.toISOString(), tries: 0 };
  return { handshake: { ...told, status: 'pending' }, handshakeAt: now };
}

const firstWaitMs = 2_000;
const longestWaitMs = 600_000;

/** What is to be written down after asking. Who said nothing is asked again, less and less often. */
export function handshakeColumns(
  outcome: HandshakeOutcome,
  { mode, now, tries }: { mode: HandshakeMode; now: Date; tries: number },
): HandshakeColumns {
  const askedAt = now.toISOString();
  const detail = 'detail' in outcome ? outcome.detail : null;
  const told = { by: null, allowedRate: null, detail, askedAt, tries: tries + 1 };
  const heard = outcome.kind === 'unreachable' || mode === 'off' ? {} : { neverAnswered: false };
  if (outcome.kind === 'granted') {
    const { by, allowedRate } = outcome;
    return { ...heard, handshake: { ...told, status: 'granted', by, allowedRate }, handshakeAt: null };
  }
  const isOpen = outcome.kind === 'unreachable' || (outcome.kind === 'unsupported' && mode === 'required');
  if (mode === 'off' || !isOpen) {
    const status = outcome.kind === 'refused' ? 'refused' : 'unsupported';
    return { ...heard, handshake: { ...told, status }, handshakeAt: null };
  }
  const wait = Math.min(firstWaitMs * 2 ** tries, longestWaitMs);
  return { ...heard, handshake: { ...told, status: 'pending' }, handshakeAt: new Date(now.getTime() + wait) };
}

/** Whoever declares a subscription again may just have started: its hook, if it is asked again at all, is asked now. */
export function askedNow({ handshake, handshakeAt }: HandshakeColumns, now: Date): HandshakeColumns | undefined {
  if (handshake === null || handshakeAt === null || handshakeAt <= now) return undefined;
  return { handshake: { ...handshake, tries: 0 }, handshakeAt: now };
}

/** Why nothing may be sent to a hook; undefined when nothing speaks against it. */
export function holdReason(handshake: SubscriptionHandshake | null, mode: HandshakeMode): string | undefined {
  if (mode === 'off' || handshake === null) return undefined;
  if (handshake.status === 'refused') return 'handshake-refused';
  return mode === 'required' && handshake.status === 'pending' ? 'handshake-pending' : undefined;
}

/** The state of a subscription that is to be sent to. */
export function openState(
  handshake: SubscriptionHandshake | null,
  mode: HandshakeMode,
): Pick<Subscription, 'state' | 'stateReason'> {
  const hold = holdReason(handshake, mode);
  return hold === undefined ? { state: 'active', stateReason: null } : { state: 'suspended', stateReason: hold };
}

/** Held back by the handshake, and by nothing else. */
export function isHeld({ state, stateReason }: Pick<Subscription, 'state' | 'stateReason'>): boolean {
  return state === 'suspended' && stateReason !== null && stateReason.startsWith('handshake-');
}

/** Events a second that may be sent: what the subscription asks for, as far as its hook allows it. Null is any. */
export function sendingRate({ rateLimit, handshake }: Pick<Subscription, 'rateLimit' | 'handshake'>): number | null {
  const allowed = handshake?.allowedRate == null ? null : handshake.allowedRate / 60;
  if (allowed === null || rateLimit === null) return allowed ?? rateLimit;
  return Math.min(allowed, rateLimit);
}
