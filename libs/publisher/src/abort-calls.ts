/** One listener of a signal for all calls that share it: Node warns of a leak from the eleventh on. */
const calls = new WeakMap<AbortSignal, { aborts: Set<() => void>; listener: () => void }>();

/** Calls back when the signal fires. */
export function addAbort(signal: AbortSignal, abort: () => void): void {
  const known = calls.get(signal);
  if (known !== undefined) {
    known.aborts.add(abort);
    return;
  }
  const aborts = new Set([abort]);
  const listener = () => {
    for (const each of aborts) each();
  };
  calls.set(signal, { aborts, listener });
  signal.addEventListener('abort', listener, { once: true });
}

/** Calls back no more. */
export function removeAbort(signal: AbortSignal, abort: () => void): void {
  const known = calls.get(signal);
  if (known === undefined) return;
  known.aborts.delete(abort);
  if (known.aborts.size > 0) return;
  signal.removeEventListener('abort', known.listener);
  calls.delete(signal);
}
