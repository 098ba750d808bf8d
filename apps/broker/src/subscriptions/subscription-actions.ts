import { Inject, Injectable } from '@nestjs/common';
import { Subscription } from '@hookcast/database';
import { markBacklog } from '@hookcast/log';
import { generateSecret } from '@hookcast/protocol';
import type { EntityManager } from 'typeorm';
import { callerNamespace } from '../auth/namespace.js';
import { repeatedRotation, withRotation, type RotationRequest } from '../auth/past-rotations.js';
import { ControlPlane } from '../control/control-plane.js';
import { touchesOf } from '../control/touches.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import { DeclaredHandshakes } from './declared-handshakes.js';
import { leaseEnd } from './subscription-declarations.js';
import type { SubscriptionResponse } from './subscription-response.js';
import { SubscriptionResponses } from './subscription-responses.js';
import { SubscriptionSecrets } from './subscription-secrets.js';
import { subscriptionNotFound } from './subscriptions.service.js';

/** What can be done to a subscription besides declaring it. */
@Injectable()
export class SubscriptionActions {
  @Inject() private readonly greeting!: DeclaredHandshakes;

  constructor(
    @Inject(RUNTIME) private readonly runtime: Runtime,
    private readonly control: ControlPlane,
    private readonly responses: SubscriptionResponses,
    private readonly secrets: SubscriptionSecrets,
  ) {}

  async pause(name: string): Promise<SubscriptionResponse> {
    return this.moveTo(name, { state: 'paused', drainRate: null });
  }

  /** @param drainRate events a second until the backlog of this moment is drained; null for as many as it takes */
  async resume(name: string, drainRate: number | null): Promise<SubscriptionResponse> {
    return this.moveTo(name, { state: 'active', drainRate });
  }

  async rotateSecret(name: string, rotation: RotationRequest): Promise<SubscriptionResponse> {
    await this.find(this.control.manager, name);
    const rotated = await this.control.change(async (tx) => {
      const subscription = await this.find(tx, name);
      touchesOf(tx).subscription(subscription.id);
      const { rotations } = subscription;
      if (repeatedRotation({ rotations, current: this.secrets.current(subscription) }, rotation)) return subscription;
      const secret = generateSecret();
      const now = this.runtime.clock.now();
      subscription.rotations = withRotation(rotations, rotation, { secret });
      subscription.secrets = this.secrets.rotated(subscription, secret, { now, ...rotation });
      subscription.updatedAt = now;
      return tx.save(subscription);
    });
    this.runtime.log.info({ subscription: name, graceSeconds: rotation.graceSeconds }, 'subscription.secret-rotated');
    return this.responses.withSecret(rotated);
  }

  private async moveTo(
    name: string,
    { state, drainRate }: { state: 'active' | 'paused'; drainRate: number | null },
  ): Promise<SubscriptionResponse> {
    const found = await this.find(this.control.manager, name);
    if (found.state === state && found.drainRate === drainRate) return this.responses.one(found);
    const greeting = state === 'active' ? await this.greeting.askHeld(found) : undefined;
    const moved = await this.control.change(async (tx) => {
      const subscription = Object.assign(await this.find(tx, name), greeting);
      touchesOf(tx).subscription(subscription.id);
      const now = this.runtime.clock.now();
      const entered =
        state === 'active' ? this.greeting.openState(subscription.handshake) : { state, stateReason: null };
      const leasedUntil = state === 'active' ? leaseEnd(subscription.leaseSeconds, now) : subscription.leasedUntil;
      if (drainRate !== null) await markBacklog(tx, subscription.id);
      const change = { ...entered, drainRate, leasedUntil, updatedAt: now };
      return tx.save(Object.assign(subscription, change));
    });
    this.runtime.log.info({ subscription: name, from: found.state, to: moved.state }, 'subscription.state');
    return this.responses.one(moved);
  }

  private async find(manager: EntityManager, name: string): Promise<Subscription> {
    const subscription = await manager.findOneBy(Subscription, { namespace: callerNamespace(), name });
    if (!subscription) throw subscriptionNotFound(name);
    return subscription;
  }
}
