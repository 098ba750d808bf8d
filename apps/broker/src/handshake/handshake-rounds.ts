import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Subscription } from '@hookcast/database';
import type pg from 'pg';
import { ControlPlane } from '../control/control-plane.js';
import { touchesOf } from '../control/touches.js';
import { Pulse } from '../control/pulse.js';
import { DATA_POOL, RUNTIME, type Runtime } from '../runtime.js';
import { takeDueHandshakes } from './handshake-store.js';
import { handshakeColumns, holdReason, isHeld, type HandshakeColumns } from './handshake-state.js';
import type { HandshakeOutcome } from './handshake-verdict.js';
import { StoredHooks } from './stored-hooks.js';

const timeoutMs = 5_000;
/** Hooks asked at the same time by one process. */
const atOnce = 16;

/** Asks those hooks again that have not said whether they want events. */
@Injectable()
export class HandshakeRounds implements OnApplicationBootstrap, OnModuleDestroy {
  @Inject() private readonly pulse!: Pulse;
  private stopListening: (() => void) | undefined;
  private running: Promise<unknown> | undefined;

  constructor(
    @Inject(DATA_POOL) private readonly pool: pg.Pool,
    private readonly control: ControlPlane,
    private readonly hooks: StoredHooks,
    @Inject(RUNTIME) private readonly runtime: Runtime,
  ) {}

  onApplicationBootstrap(): void {
    this.start();
  }

  onModuleDestroy(): void {
    this.stop();
  }

  start(): void {
    this.stopListening = this.pulse.listen(({ hasHandshakes }) => hasHandshakes && void this.tick());
  }

  async runOnce(): Promise<{ asked: number }> {
    const ids = await takeDueHandshakes(this.pool, { now: this.runtime.clock.now(), limit: atOnce });
    await Promise.all(ids.map(async (id) => this.askAgain(id)));
    return { asked: ids.length };
  }

  stop(): void {
    this.stopListening?.();
  }

  private async askAgain(id: number): Promise<void> {
    const subscription = await this.control.manager.findOneBy(Subscription, { id });
    if (!subscription) return;
    await this.settle(subscription, await this.outcomeOf(subscription));
  }

  /** What is left over from a time when the handshake was on is let go. */
  private async outcomeOf(subscription: Subscription): Promise<HandshakeOutcome> {
    if (this.runtime.config.handshake === 'off') return { kind: 'unsupported', detail: 'The handshake is off.' };
    return this.hooks.ask(subscription, timeoutMs);
  }

  private async settle(subscription: Subscription, outcome: HandshakeOutcome): Promise<void> {
    const { id, url, name } = subscription;
    const { handshake: mode } = this.runtime.config;
    const tries = subscription.handshake?.tries ?? 0;
    const columns = handshakeColumns(outcome, { mode, now: this.runtime.clock.now(), tries });
    this.runtime.log.info(
      { subscription: name, outcome: outcome.kind, detail: columns.handshake?.detail, tries: tries + 1 },
      'subscription.handshake',
    );
    // Nothing that a worker would have to hear of.
    if (columns.handshake?.status === 'pending' && columns.handshake.status === subscription.handshake?.status) {
      await this.control.manager.update(Subscription, { id, url }, columns);
      return;
    }
    await this.control.change(async (tx) => {
      const current = await tx.findOneBy(Subscription, { id, url });
      // Deleted, or given another URL, which was asked when it came.
      touchesOf(tx).subscription(id);
      if (current) await tx.save(this.decided(current, columns));
    });
  }

  private decided(subscription: Subscription, columns: HandshakeColumns): Subscription {
    const { state: from, name: subscriptionName } = subscription;
    const hold = holdReason(columns.handshake, this.runtime.config.handshake);
    const isOpen = from === 'active' || from === 'stale';
    Object.assign(subscription, columns);
    if (hold !== undefined && (isOpen || isHeld(subscription))) {
      Object.assign(subscription, { state: 'suspended', stateReason: hold });
    } else if (hold === undefined && isHeld(subscription)) {
      Object.assign(subscription, { state: 'active', stateReason: null });
    }
    const { state: to, stateReason: reason } = subscription;
    if (from !== to) subscription.updatedAt = this.runtime.clock.now();
    if (from !== to) this.runtime.log.info({ subscription: subscriptionName, from, to, reason }, 'subscription.state');
    return subscription;
  }

  /** One round at a time: hooks may take longer than a second to answer. */
  private async tick(): Promise<void> {
    this.running ??= this.runOnce()
      .catch((error: unknown) => this.runtime.log.debug({ err: error }, 'subscription.handshakes-failed'))
      .finally(() => (this.running = undefined));
    await this.running;
  }
}
