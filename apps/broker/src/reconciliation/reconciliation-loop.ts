import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { RUNTIME, type Runtime } from '../runtime.js';
import { Reconciler } from './reconciler.js';
import type { Violation } from './violation.js';

/** Violations of one run that are logged one by one. */
const loggedViolations = 20;

/** Samples the log for deliveries that are not accounted for, every HOOKCAST_RECONCILE_SECONDS. */
@Injectable()
export class ReconciliationLoop implements OnApplicationBootstrap, OnModuleDestroy {
  /** Since this process began. */
  readonly totals = { deliveries: 0, violations: 0 };
  lastRunAt: Date | undefined;
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly reconciler: Reconciler,
    @Inject(RUNTIME) private readonly runtime: Runtime,
  ) {}

  onApplicationBootstrap(): void {
    this.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.stop();
  }

  start(): void {
    const { reconcileSeconds } = this.runtime.config;
    if (reconcileSeconds === 0) return;
    this.timer = setInterval(() => void this.tick(), reconcileSeconds * 1000).unref();
  }

  async runOnce(): Promise<{ deliveries: number; violations: number }> {
    const found = await this.reconciler.sample(this.runtime.config.reconcileEvents, Math.random);
    const deliveries = Object.values(found.deliveries).reduce((sum, count) => sum + count, 0);
    this.count(deliveries, found.violations);
    this.lastRunAt = this.runtime.clock.now();
    return { deliveries, violations: found.violations.length };
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.running;
  }

  /** Of a run on demand too: who looks at the metric wants to know. */
  count(deliveries: number, violations: readonly Violation[]): void {
    this.totals.deliveries += deliveries;
    this.totals.violations += violations.length;
    for (const violation of violations.slice(0, loggedViolations)) {
      this.runtime.log.error({ ...violation }, 'reconciliation.violation');
    }
  }

  private async tick(): Promise<void> {
    this.running = this.runOnce().catch((error: unknown) => {
      this.runtime.log.warn({ err: error }, 'reconciliation.failed');
    });
    await this.running;
  }
}
