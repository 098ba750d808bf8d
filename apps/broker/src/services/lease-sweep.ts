import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Subscription } from '@hookcast/database';
import { DataSource, LessThan, type EntityManager } from 'typeorm';
import { ControlPlane } from '../control/control-plane.js';
import { touchesOf } from '../control/touches.js';
import { Pulse } from '../control/pulse.js';
import { RUNTIME, type Runtime } from '../runtime.js';

/** Marks subscriptions whose service stopped sending heartbeats as stale: events are buffered for them, never dropped. */
@Injectable()
export class LeaseSweep implements OnApplicationBootstrap, OnModuleDestroy {
  private stopListening: (() => void) | undefined;

  constructor(
    private readonly dataSource: DataSource,
    @Inject(RUNTIME) private readonly runtime: Runtime,
    private readonly control: ControlPlane,
    private readonly pulse: Pulse,
  ) {}

  onApplicationBootstrap(): void {
    this.start();
  }

  onModuleDestroy(): void {
    this.stop();
  }

  start(): void {
    this.stopListening = this.pulse.listen(({ hasLapsedLeases }) => hasLapsedLeases && void this.tick());
  }

  async runOnce(): Promise<{ stale: number }> {
    const lapsed = lapsedAt(this.runtime.clock.now());
    // Looked at without the lock first: nearly always there is nothing to do.
    if (!(await this.dataSource.manager.existsBy(Subscription, lapsed))) return { stale: 0 };
    const names = await this.control.change((tx) => this.markStale(tx));
    for (const subscription of names) {
      this.runtime.log.warn(
        { subscription, from: 'active', to: 'stale', reason: 'lease-lapsed' },
        'subscription.state',
      );
    }
    return { stale: names.length };
  }

  stop(): void {
    this.stopListening?.();
  }

  private async markStale(tx: EntityManager): Promise<string[]> {
    const now = this.runtime.clock.now();
    const found = await tx.findBy(Subscription, lapsedAt(now));
    touchesOf(tx).subscription(...found.map(({ id }) => id));
    const marked: string[] = [];
    for (const { id, name } of found) {
      // Asked again with the update: a heartbeat may have come in between.
      const change = { state: 'stale', stateReason: 'lease-lapsed', updatedAt: now } as const;
      const { affected } = await tx.update(Subscription, { id, ...lapsedAt(now) }, change);
      if (affected === 1) marked.push(name);
    }
    return marked;
  }

  private async tick(): Promise<void> {
    try {
      await this.runOnce();
    } catch (error) {
      this.runtime.log.debug({ err: error }, 'services.sweep-failed');
    }
  }
}

function lapsedAt(now: Date) {
  return { state: 'active' as const, leasedUntil: LessThan(now) };
}
