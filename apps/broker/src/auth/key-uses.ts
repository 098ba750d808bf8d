import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { ControlPlane } from '../control/control-plane.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import { recordUses } from './key-store.js';

const flushMs = 10_000;

/** Notes when keys were last used; written in batches, since a write per request would cost more than the request. */
@Injectable()
export class KeyUses implements OnApplicationBootstrap, OnModuleDestroy {
  private uses = new Map<string, Date>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly control: ControlPlane,
    @Inject(RUNTIME) private readonly runtime: Runtime,
  ) {}

  /** At most as many ids as there are keys. */
  note(keyId: string, at: Date): void {
    this.uses.set(keyId, at);
  }

  onApplicationBootstrap(): void {
    this.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.stop();
  }

  start(): void {
    this.timer = setInterval(() => void this.tick(), flushMs).unref();
  }

  async runOnce(): Promise<{ keys: number }> {
    const { uses } = this;
    if (uses.size === 0) return { keys: 0 };
    this.uses = new Map();
    try {
      await recordUses(this.control.manager, uses);
    } catch (error) {
      this.uses = new Map([...uses, ...this.uses]);
      throw error;
    }
    return { keys: uses.size };
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.tick();
  }

  private async tick(): Promise<void> {
    try {
      await this.runOnce();
    } catch (error) {
      this.runtime.log.debug({ err: error }, 'keys.uses-not-written');
    }
  }
}
