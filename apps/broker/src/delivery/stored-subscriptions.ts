import { Inject, Injectable } from '@nestjs/common';
import { readControlVersion, Subscription } from '@hookcast/database';
import type { Catalog, DeliverySubscription, SubscriptionCatalog } from '@hookcast/delivery';
import { loadStreams } from '@hookcast/log';
import { DataSource } from 'typeorm';
import { signingIdentity } from '../auth/signing-identity.js';
import { UnsealError } from '../auth/vault.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import { SubscriptionSecrets } from '../subscriptions/subscription-secrets.js';

/** The worker's view of the control plane, with secrets in the clear. */
@Injectable()
export class StoredSubscriptions implements SubscriptionCatalog {
  private readonly signingKey: string;

  constructor(
    private readonly dataSource: DataSource,
    private readonly secrets: SubscriptionSecrets,
    @Inject(RUNTIME) private readonly runtime: Runtime,
  ) {
    this.signingKey = signingIdentity(runtime.encryptionKey).secret;
  }

  /** The version first: what changes while the rest is read is then loaded again, not missed. */
  async load(): Promise<Catalog> {
    const { manager } = this.dataSource;
    const version = await readControlVersion(manager);
    const subscriptions = await manager.find(Subscription);
    const streams = await loadStreams(manager);
    return { version, streams, subscriptions: subscriptions.flatMap((one) => this.toDelivery(one) ?? []) };
  }

  private toDelivery(subscription: Subscription): DeliverySubscription | undefined {
    const { id, name, topics, url, format, timeoutMs, headers, signature, concurrency, retry, nonRetryable, state } =
      subscription;
    try {
      const secrets = this.secrets.active(subscription, this.runtime.clock.now());
      const signingKeys = [this.signingKey];
      return {
        id,
        name,
        topics,
        url,
        format,
        timeoutMs,
        headers,
        signature,
        concurrency,
        retry,
        nonRetryable,
        state,
        secrets,
        signingKeys,
      };
    } catch (error) {
      if (!(error instanceof UnsealError)) throw error;
      // One damaged secret must not stop all deliveries; without its secret this one could only be sent unsigned.
      this.runtime.log.error({ subscription: name, reason: error.message }, 'subscription.unusable');
      return undefined;
    }
  }
}
