import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { RUNTIME, type Runtime } from '../runtime.js';
import { Credentials } from './credentials.js';

const checkMs = 1_000;

/** Ends answers that go on for long, such as event streams, once the key behind them does not work any more. */
@Injectable()
export class OpenAnswers implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly open = new Map<ServerResponse, IncomingMessage>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly credentials: Credentials,
    @Inject(RUNTIME) private readonly runtime: Runtime,
  ) {}

  /** Until it is closed. */
  track(response: ServerResponse, request: IncomingMessage): void {
    this.open.set(response, request);
    response.once('close', () => this.open.delete(response));
  }

  onApplicationBootstrap(): void {
    this.start();
  }

  onModuleDestroy(): void {
    this.stop();
  }

  start(): void {
    this.timer = setInterval(() => void this.tick(), checkMs).unref();
  }

  async runOnce(): Promise<{ ended: number }> {
    let ended = 0;
    for (const [response, request] of this.open) {
      if (await this.credentials.stillHold(request)) continue;
      response.destroy();
      ended += 1;
    }
    return { ended };
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async tick(): Promise<void> {
    try {
      await this.runOnce();
    } catch (error) {
      // The database is away: no revocation can have been made meanwhile.
      this.runtime.log.debug({ err: error }, 'auth.check-failed');
    }
  }
}
