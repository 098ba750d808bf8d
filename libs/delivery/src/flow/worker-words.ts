import { hash } from 'node:crypto';

/** What a worker says of a subscription that others may want to know at once. Times are unix milliseconds. */
export interface WordOn {
  /** Names the URL it is about: what is said of an old one says nothing about a new one. */
  readonly url: string;
  /** The hook asked for quiet until then. */
  readonly quietUntil?: number;
  /** The endpoint was down and gave a sign of life then. */
  readonly upAt?: number;
}

export interface WorkerWords {
  /** Subscription → requests under way, of those that have some. */
  readonly inFlight: Readonly<Record<number, number>>;
  /** Subscription → what there is to say. */
  readonly signs: Readonly<Record<number, WordOn>>;
}

/** A subscription as its worker sees it. */
interface Spoken {
  readonly inFlight: number;
  readonly isActive: boolean;
  readonly template: { readonly url: string };
  readonly flow: { readonly park: { reason: string; until: number } | undefined; readonly upAt: number };
}

/** Milliseconds for which a sign of life is told: others listen once a second. */
export const newsMs = 10_000;

export function wordsOf(senders: ReadonlyMap<number, Spoken>, now: number): WorkerWords {
  const inFlight: Record<number, number> = {};
  const signs: Record<number, WordOn> = {};
  for (const [id, sender] of senders) {
    if (sender.inFlight > 0) inFlight[id] = sender.inFlight;
    const sign = signOf(sender, now);
    if (sign !== undefined) signs[id] = sign;
  }
  return { inFlight, signs };
}

function signOf({ isActive, template, flow }: Spoken, now: number): WordOn | undefined {
  const { park, upAt } = flow;
  const isQuiet = park?.reason === 'retry-after' && park.until > now;
  const isNews = now - upAt < newsMs;
  if (!isActive || (!isQuiet && !isNews)) return undefined;
  return { url: urlName(template.url), ...(isQuiet && { quietUntil: park.until }), ...(isNews && { upAt }) };
}

/** A URL may hold secrets, so it is told by its digest. */
export const urlName = (url: string): string => hash('sha256', url, 'base64url').slice(0, 16);

/**
 * Requests in flight that a worker may have while others have theirs: an equal share, and an equal part of what others
 * leave of their shares. At least one, so that no stream stands still: with a ceiling below the number of workers they
 * have one each.
 *
 * @param others requests under way of every other worker that has some
 */
export function shareOf(ceiling: number, others: readonly number[]): number {
  const share = Math.max(1, Math.floor(ceiling / (others.length + 1)));
  const unused = others.reduce((sum, requests) => sum + Math.max(0, share - requests), 0);
  const busy = 1 + others.filter((requests) => requests >= share).length;
  return Math.min(ceiling, share + Math.floor(unused / busy));
}
