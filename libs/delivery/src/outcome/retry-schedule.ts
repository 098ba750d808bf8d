export interface RetrySchedule {
  /** Seconds to wait after the first, second ... failed attempt; its length plus one is the number of attempts. */
  schedule: readonly number[];
  /** Share of each wait that is random: 0.2 stretches or shortens it by up to a fifth. */
  jitter: number;
}

/**
 * The wait in milliseconds after failed attempt number `attempt` (from 1), or undefined when the schedule has no
 * further attempt.
 *
 * @param random uniform in [0, 1)
 */
export function retryDelayMs(retry: RetrySchedule, attempt: number, random: () => number): number | undefined {
  const seconds = retry.schedule[attempt - 1];
  if (seconds === undefined) return undefined;
  return Math.round(seconds * 1000 * (1 + retry.jitter * (2 * random() - 1)));
}
