import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FromSender } from './verify-from.js';

const received = new WeakMap<object, FromSender>();

/** Keeps what a request turned out to be, for its handler. */
export function rememberReceived(request: object, value: FromSender): void {
  received.set(request, value);
}

/** @throws {TypeError} when the handler has no `@FromSender` */
export function receivedBy(request: object): FromSender {
  const value = received.get(request);
  if (value === undefined) throw new TypeError('@SenderItems() needs @FromSender(…) on the same handler.');
  return value;
}

/** The verified events of the request, `readonly ReceivedItem[]`: one, or several where the sender batches. */
export const SenderItems = createParamDecorator(
  (_: unknown, context: ExecutionContext) => receivedBy(context.switchToHttp().getRequest<object>()).items,
);
