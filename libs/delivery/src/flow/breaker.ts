import type { EndpointSign } from './endpoint-sign.js';
import type { Park } from './park.js';

/** Failures in a row, each of another delivery, that open the breaker; one without any exchange counts twice. */
const openAt = 20;
const weights = { failing: 1, unreachable: 2 } as const;
/** Few deliveries, tried again and again: this many attempts in a row that reached nobody, over this long. */
const silence = { attempts: 5, ms: 60_000 };

const firstProbeMs = 5_000;
const longestProbeMs = 300_000;
const probeJitter = 0.2;

/** Counts what speaks against an endpoint since it was last heard of. */
export class FailureStreak {
  private readonly deliveries = new Map<string, number>();
  private silent = 0;
  private startedAt: number | undefined;

  /** When the first failure of the streak was known, unix milliseconds. */
  get since(): number | undefined {
    return this.startedAt;
  }

  /**
   * Takes down how an attempt ended; true when the endpoint counts as down.
   *
   * @param delivery names the delivery: one event that always fails says little about the endpoint
   */
  note(sign: Exclude<EndpointSign, 'none'>, delivery: string, now: number): boolean {
    if (sign === 'alive') {
      this.clear();
      return false;
    }
    this.startedAt ??= now;
    this.silent = sign === 'unreachable' ? this.silent + 1 : 0;
    this.deliveries.set(delivery, Math.max(this.deliveries.get(delivery) ?? 0, weights[sign]));
    return this.weight >= openAt || (this.silent >= silence.attempts && now - this.startedAt >= silence.ms);
  }

  clear(): void {
    this.deliveries.clear();
    this.silent = 0;
    this.startedAt = undefined;
  }

  private get weight(): number {
    let sum = 0;
    for (const weight of this.deliveries.values()) sum += weight;
    return sum;
  }
}

/** Milliseconds until the next probe: 5 s, doubled by every one that fails, at most 5 min, a fifth more or less. */
export function probeDelayMs(failedProbes: number, random: () => number): number {
  const wait = Math.min(firstProbeMs * 2 ** failedProbes, longestProbeMs);
  return Math.round(wait * (1 - probeJitter + 2 * probeJitter * random()));
}

export interface Failure {
  readonly error: string;
  readonly now: number;
  /** The hook asked for quiet until then. */
  readonly pauseUntil: number | undefined;
  readonly random: () => number;
}

/** The park that a breaker which opens begins with. */
export function openedPark(since: number, { error, now, pauseUntil = 0, random }: Failure): Park {
  const until = Math.max(now + probeDelayMs(0, random), pauseUntil);
  return { reason: 'failing', since, until, probes: 0, error };
}

/** The same outage after one more probe that failed. */
export function prolongedPark(park: Park, { error, now, pauseUntil = 0, random }: Failure): Park {
  const probes = Math.min(park.probes + 1, 32_000);
  const until = Math.max(now + probeDelayMs(probes, random), pauseUntil);
  return { ...park, probes, until, error };
}
