import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { ControlPlane } from '../control/control-plane.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import { pruneEntries } from './audit-store.js';

const sweepMs = 3_600_000;
const dayMs = 86_400_000;
const slice = 5_000;
/** Of one sweep, so that it ends; the next one goes on. */
const maxSlices = 100;

/** Forgets audit entries that are older than HOOKCAST_AUDIT_DAYS. */
@Injectable()
export class AuditJanitor implements OnApplicationBootstrap, OnModuleDestroy {
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly control: ControlPlane,
    @Inject(RUNTIME) private readonly runtime: Runtime,
  ) {}

  onApplicationBootstrap(): void {
    this.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.stop();
  }

  start(): void {
    this.timer = setInterval(() => void this.tick(), sweepMs).unref();
  }

  async runOnce(): Promise<{ forgotten: number }> {
    const before = new Date(this.runtime.clock.now().getTime() - this.runtime.config.auditDays * dayMs);
    let forgotten = 0;
    for (let round = 0; round < maxSlices; round += 1) {
      const gone = await pruneEntries(this.control.manager, before, slice);
      forgotten += gone;
      if (gone < slice) break;
    }
    return { forgotten };
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.running;
  }

  private async tick(): Promise<void> {
    this.running = this.runOnce().catch((error: unknown) => {
      this.runtime.log.debug({ err: error }, 'audit.prune-failed');
    });
    await this.running;
  }
}
