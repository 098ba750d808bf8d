import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import type { ApiClient } from '../api/client.js';
import { failureOf, type Failure } from '../api/failure.js';
import { useTools } from './client-context.js';

export type Loaded<T> =
  | { kind: 'loading' }
  /** With `failure`: what was loaded last, and why there is nothing newer. */
  | { kind: 'ready'; value: T; failure?: Failure }
  | { kind: 'failed'; failure: Failure };

type Load<T> = (client: ApiClient, signal: AbortSignal) => Promise<T>;

/** A slow answer is asked for less often: the page takes at most a tenth of what the broker can do. */
const restShare = 9;
const defaultEveryMs = 5_000;

/**
 * Loads something, again whenever `key` changes, and every few seconds while the page is looked at. What was loaded
 * stays when the next load fails.
 */
export function useLoaded<T>(
  key: string,
  load: Load<T>,
  everyMs = defaultEveryMs,
): { state: Loaded<T>; reload: () => void } {
  const { client } = useTools();
  const [held, setHeld] = useState<{ key: string; state: Loaded<T> }>({ key, state: { kind: 'loading' } });
  const [turn, setTurn] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  useEffect(() => {
    const loop = new LoadLoop<T>(
      (signal) => latest.current(client, signal),
      (change) =>
        setHeld((before) => ({ key, state: change(before.key === key ? before.state : { kind: 'loading' }) })),
      everyMs,
    );
    loop.start();
    return () => loop.stop();
  }, [client, key, turn, everyMs]);
  const reload = useCallback(() => setTurn((before) => before + 1), []);
  return { state: held.key === key ? held.state : { kind: 'loading' }, reload };
}

class LoadLoop<T> {
  private readonly abort = new AbortController();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly load: (signal: AbortSignal) => Promise<T>,
    private readonly tell: (change: (before: Loaded<T>) => Loaded<T>) => void,
    private readonly everyMs: number,
  ) {}

  start(): void {
    document.addEventListener('visibilitychange', this.look, { signal: this.abort.signal });
    void this.runOnce();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.abort.abort();
  }

  private readonly look = (): void => {
    if (document.visibilityState === 'visible') void this.runOnce();
  };

  private async runOnce(): Promise<void> {
    clearTimeout(this.timer);
    const began = performance.now();
    const { signal } = this.abort;
    try {
      const value = await this.load(signal);
      if (signal.aborted) return;
      this.tell(() => ({ kind: 'ready', value }));
    } catch (error) {
      if (signal.aborted) return;
      const failure = failureOf(error);
      this.tell((before) => (before.kind === 'ready' ? { ...before, failure } : { kind: 'failed', failure }));
      if (isFinal(failure)) return;
    }
    const restMs = Math.max(this.everyMs, (performance.now() - began) * restShare);
    this.timer = setTimeout(() => document.visibilityState === 'visible' && void this.runOnce(), restMs);
  }
}

/** Asking again would change nothing. */
function isFinal({ status }: Failure): boolean {
  return status >= 400 && status < 500 && status !== 429;
}
