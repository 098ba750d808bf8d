import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Subscription } from '@hookcast/database';
import { DataSource, LessThan } from 'typeorm';
import { ControlPlane } from '../control/control-plane.js';
import { RUNTIME, type Runtime } from '../runtime.js';

const sweepMs = 1_000;

/** Marks subscriptions whose service stopped sending heartbeats as stale: events are buffered for them, never dropped. */
@Injectable()
export class LeaseSweep implements OnApplicationBootstrap, OnModuleDestroy {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly dataSource: DataSource,
    @Inject(RUNTIME) private readonly runtime: Runtime,
    private readonly control: ControlPlane,
  ) {}

  onApplicationBootstrap(): void {
    this.start();
  }

  onModuleDestroy(): void {
    this.stop();
  }

  start(): void {
    this.timer = setInterval(() => void this.tick(), sweepMs).unref();
  }

  async runOnce(): Promise<{ stale: number }> {
    const lapsed = { state: 'active' as const, leasedUntil: LessThan(this.runtime.clock.now()) };
    // Looked at without the lock first: nearly always there is nothing to do.
    if (!(await this.dataSource.manager.existsBy(Subscription, lapsed))) return { stale: 0 };
    const names = await this.control.change(async (tx) => {
      const found = await tx.findBy(Subscription, lapsed);
      const marked = found.map((one) =>
        Object.assign(one, { state: 'stale', stateReason: 'lease-lapsed', updatedAt: this.runtime.clock.now() }),
      );
      await tx.save(marked);
      return found.map(({ name }) => name);
    });
    for (const subscription of names) {
      this.runtime.log.warn(
        { subscription, from: 'active', to: 'stale', reason: 'lease-lapsed' },
        'subscription.state',
      );
    }
    return { stale: names.length };
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async tick(): Promise<void> {
    try {
      await this.runOnce();
    } catch (error) {
      this.runtime.log.debug({ err: error }, 'services.sweep-failed');
    }
  }
}
