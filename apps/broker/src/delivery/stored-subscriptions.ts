import { Inject, Injectable } from '@nestjs/common';
import { readControlVersion, Subscription } from '@hookcast/database';
import type { Catalog, DeliverySubscription, HookTarget, SubscriptionCatalog } from '@hookcast/delivery';
import { loadStreams } from '@hookcast/log';
import { DataSource } from 'typeorm';
import { signingIdentity } from '../auth/signing-identity.js';
import { UnsealError } from '../auth/vault.js';
import { sendingRate } from '../handshake/handshake-state.js';
import { originOf } from '../handshake/hook-handshake.js';
import { keyringOf, RUNTIME, type Runtime } from '../runtime.js';
import { SubscriptionCredentials } from '../subscriptions/subscription-credentials.js';
import { SubscriptionSecrets } from '../subscriptions/subscription-secrets.js';

/** Subscriptions as whoever sends to hooks needs them: with secrets in the clear. */
@Injectable()
export class StoredSubscriptions implements SubscriptionCatalog {
  private readonly signingKeys: readonly string[];

  constructor(
    private readonly dataSource: DataSource,
    private readonly secrets: SubscriptionSecrets,
    private readonly credentials: SubscriptionCredentials,
    @Inject(RUNTIME) private readonly runtime: Runtime,
  ) {
    const { current, others } = keyringOf(runtime);
    // Receivers that pinned the key before still find its signature, those that fetched the new one theirs.
    this.signingKeys = [current, ...others].map((key) => signingIdentity(key).secret);
  }

  /** The version first: what changes while the rest is read is then loaded again, not missed. */
  async load(): Promise<Catalog> {
    const { manager } = this.dataSource;
    const version = await readControlVersion(manager);
    const subscriptions = await manager.find(Subscription);
    const streams = await loadStreams(manager);
    return { version, streams, subscriptions: subscriptions.flatMap((one) => this.toDelivery(one) ?? []) };
  }

  /** @throws UnsealError */
  target(subscription: Subscription): HookTarget {
    const { name, url, format, batch, timeoutMs, signature } = subscription;
    const headers = headersOf(subscription, this.runtime.config.publicUrl);
    const secrets = this.secrets.active(subscription, this.runtime.clock.now());
    const { signingKeys } = this;
    const target = { name, url, format, batch, timeoutMs, headers, signature, secrets, signingKeys };
    const credentials = this.credentials.open(subscription);
    return credentials ? { ...target, credentials } : target;
  }

  private toDelivery(subscription: Subscription): DeliverySubscription | undefined {
    const { id, topics, filter, ordering, concurrency, drainRate, retry, nonRetryable, state } = subscription;
    try {
      const flow = { ordering, concurrency, rateLimit: sendingRate(subscription), drainRate };
      return { ...this.target(subscription), id, topics, filter, ...flow, retry, nonRetryable, state };
    } catch (error) {
      if (!(error instanceof UnsealError)) throw error;
      // One damaged secret must not stop all deliveries; without its secret this one could only be sent unsigned.
      this.runtime.log.error({ subscription: subscription.name, reason: error.message }, 'subscription.unusable');
      return undefined;
    }
  }
}

/** Who granted an origin is told it with every request (CloudEvents HTTP webhooks 1.0.2 §4.1.1). */
function headersOf({ headers, handshake }: Subscription, publicUrl: string): Record<string, string> {
  return handshake?.by === 'options' ? { origin: originOf(publicUrl), ...headers } : headers;
}
