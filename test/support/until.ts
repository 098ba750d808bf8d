import { setTimeout as pause } from 'node:timers/promises';

/** Only a test that fails waits so long; what takes a moment takes seconds on a busy machine. */
const patienceMs = 30_000;

/**
 * Waits until the condition holds and returns its value; `undefined`, `null` and `false` mean "not yet".
 * A condition that throws fails the wait at once, since a bug should not look like slowness.
 *
 * @throws Error naming `what` when the time is up.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  options: { timeoutMs?: number; what?: string } = {},
): Promise<Exclude<NonNullable<T>, false>> {
  const { timeoutMs = patienceMs, what = 'the condition' } = options;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (isSettled(value)) return value;
    if (performance.now() > deadline) throw new Error(`Waited ${timeoutMs} ms in vain for ${what}`);
    await pause(10);
  }
}

function isSettled<T>(value: T): value is Exclude<NonNullable<T>, false> {
  return value !== undefined && value !== null && value !== false;
}
