import type { ServerResponse } from 'node:http';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Problem } from '../http/problem.js';
import { RUNTIME, type Runtime } from '../runtime.js';

/** Requests that stay open to wait for events. A stop ends them, since closing a server waits for every request. */
@Injectable()
export class OpenReaders implements OnModuleDestroy {
  private readonly open = new Set<AbortController>();
  private closing = false;

  constructor(@Inject(RUNTIME) private readonly runtime: Runtime) {}

  /** A signal that aborts when the client goes away or the broker stops. @throws Problem too-many-readers */
  admit(response: ServerResponse): AbortSignal {
    if (this.open.size >= this.runtime.config.maxReaders) {
      throw new Problem('too-many-readers', { headers: { 'retry-after': '5' } });
    }
    const controller = new AbortController();
    this.open.add(controller);
    response.once('close', () => {
      this.open.delete(controller);
      controller.abort();
    });
    if (this.closing) controller.abort();
    return controller.signal;
  }

  onModuleDestroy(): void {
    this.closing = true;
    for (const controller of this.open) controller.abort();
  }
}
