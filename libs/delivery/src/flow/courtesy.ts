/** What was seen of live deliveries for a while. */
export interface LiveSample {
  /** Milliseconds that reading new events took for nearly all of them; undefined when there were none. */
  waitMs: number | undefined;
  /** Whether anything that gives way was sent meanwhile. */
  isBesideOthers: boolean;
}

/** How much of what they may do replays, redrives and backlogs get, and what live deliveries wait without them. */
export interface Courtesy {
  /** Of the rate: between {@link leastShare} and 1. */
  share: number;
  /** Milliseconds; undefined until live deliveries were seen alone. */
  usualMs: number | undefined;
}

/** What gives way goes on with a tenth, however long live deliveries wait. */
export const leastShare = 0.1;
/** Live deliveries wait when reading takes longer than usual by this factor, and by this many milliseconds. */
const slower = { factor: 1.5, ms: 4 };
/** Milliseconds that count as usual before anything else is known. */
const firstUsualMs = 10;
/** Down fast, up slowly: what was taken from live deliveries is gone. */
const change = { cut: 0.7, step: 0.05 };
/** Weight of a new sample of what is usual. */
const weight = 0.1;

/** Undisturbed: everything at its rate. */
export const atFullRate: Courtesy = { share: 1, usualMs: undefined };

/** What follows from a sample: cut while live deliveries wait longer than usual, and given back step by step. */
export function givenWay({ share, usualMs }: Courtesy, { waitMs, isBesideOthers }: LiveSample): Courtesy {
  const more = Math.min(share + change.step, 1);
  if (waitMs === undefined) return { share: more, usualMs };
  // Beside others it tells nothing of what is usual: a long replay would get used to its own effect.
  if (!isBesideOthers) return { share: more, usualMs: learned(usualMs, waitMs) };
  if (waitMs <= bearableMs(usualMs)) return { share: more, usualMs };
  return { share: Math.max(share * change.cut, leastShare), usualMs };
}

/** Milliseconds from which on live deliveries wait. */
export function bearableMs(usualMs = firstUsualMs): number {
  return Math.max(usualMs * slower.factor, usualMs + slower.ms);
}

function learned(usualMs: number | undefined, waitMs: number): number {
  return usualMs === undefined ? waitMs : usualMs + weight * (waitMs - usualMs);
}
