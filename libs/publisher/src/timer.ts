/** What setTimeout takes; with more it would fire at once. */
const longestMs = 2 ** 31 - 1;

/** Calls back after so many milliseconds, or after 24 days if they are more; never for Infinity. */
export function startTimer(act: () => void, ms: number): NodeJS.Timeout | undefined {
  return ms === Infinity ? undefined : setTimeout(act, Math.min(ms, longestMs));
}

/**
 * Resolves after so many milliseconds, or as soon as the signal fires. Does not keep the process alive: whoever waits for a
 * call does.
 */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return;
  await new Promise<void>((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = startTimer(end, ms)?.unref();
    signal?.addEventListener('abort', end);
  });
}
