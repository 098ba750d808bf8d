import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { RmqContext } from '@nestjs/microservices';
import { tap, type Observable } from 'rxjs';

/** Acknowledges what handlers have done, and hands what they throw at to the dead-letter exchange. */
@Injectable()
export class RmqAcks implements NestInterceptor {
  intercept(execution: ExecutionContext, next: CallHandler): Observable<unknown> {
    const context = execution.switchToRpc().getContext<unknown>();
    if (!(context instanceof RmqContext)) return next.handle();
    const [message, channel] = context.getArgs();
    return next.handle().pipe(
      tap({
        complete: () => channel.ack(message),
        error: () => channel.nack(message, false, false),
      }),
    );
  }
}
