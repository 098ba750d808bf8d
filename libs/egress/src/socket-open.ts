import type { Socket } from 'node:net';
import { ConnectFailure } from './failure.js';

/**
 * Waits until the socket emits `event`. On an error, an early close or after `timeoutMs` the socket is destroyed and
 * the promise rejects with what `failure` makes of the cause.
 */
export async function opened(
  socket: Socket,
  event: 'connect' | 'secureConnect',
  timeoutMs: number,
  failure: (cause: unknown) => ConnectFailure,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => fail(timedOut), timeoutMs);
    const onClose = (): void => fail(closedEarly);
    const settle = (): void => {
      clearTimeout(timer);
      socket.off(event, onOpen).off('error', fail).off('close', onClose);
    };
    const onOpen = (): void => {
      settle();
      resolve();
    };
    const fail = (cause: unknown): void => {
      settle();
      socket.destroy();
      reject(failure(cause));
    };
    socket.once(event, onOpen).once('error', fail).once('close', onClose);
  });
}

const coded = (code: string): Error => Object.assign(new Error(code), { code });
const timedOut = coded('ETIMEDOUT');
const closedEarly = coded('ECONNRESET');
