import { Inject, Injectable } from '@nestjs/common';
import { controlChangesSince, readControlVersion, Subscription } from '@hookcast/database';
import type {
  Catalog,
  CatalogChanges,
  DeliverySubscription,
  HookTarget,
  SubscriptionCatalog,
} from '@hookcast/delivery';
import { loadStreams } from '@hookcast/log';
import { DataSource, In } from 'typeorm';
import { nextEnd } from '../auth/sealed-secrets.js';
import { UnsealError } from '../auth/vault.js';
import { sendingRate } from '../handshake/handshake-state.js';
import { originOf } from '../handshake/hook-handshake.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import { SigningKeys } from '../signing-keys/signing-keys.js';
import { SubscriptionCredentials } from '../subscriptions/subscription-credentials.js';
import { SubscriptionSecrets } from '../subscriptions/subscription-secrets.js';

type KeysOfNamespaces = ReadonlyMap<string, readonly string[]>;

/** Subscriptions as whoever sends to hooks needs them: with secrets in the clear. */
@Injectable()
export class StoredSubscriptions implements SubscriptionCatalog {
  @Inject() private readonly signingKeys!: SigningKeys;

  constructor(
    private readonly dataSource: DataSource,
    private readonly secrets: SubscriptionSecrets,
    private readonly credentials: SubscriptionCredentials,
    @Inject(RUNTIME) private readonly runtime: Runtime,
  ) {}

  /** The version first: what changes while the rest is read is then loaded again, not missed. */
  async load(): Promise<Catalog> {
    const { manager } = this.dataSource;
    const version = await readControlVersion(manager);
    const subscriptions = await manager.find(Subscription);
    const keys = await this.signingKeys.signing(namespacesToSign(subscriptions));
    const streams = await loadStreams(manager);
    const endsAt = await this.nextEnd(subscriptions);
    const known = subscriptions.flatMap((one) => this.toDelivery(one, keys) ?? []);
    return { version, streams, subscriptions: known, endsAt };
  }

  /** In the same order: what changes while the rows are read is touched again by a later version. */
  async changes(since: number): Promise<CatalogChanges | undefined> {
    const { manager } = this.dataSource;
    const changes = await controlChangesSince(manager, since);
    if (changes === undefined) return undefined;
    const { version, subscriptionIds, topicIds } = changes;
    const found = subscriptionIds.length === 0 ? [] : await manager.findBy(Subscription, { id: In(subscriptionIds) });
    const streams = topicIds.length === 0 ? [] : await loadStreams(manager, topicIds);
    const keys = await this.signingKeys.signing(namespacesToSign(found));
    const subscriptions = found.flatMap((one) => this.toDelivery(one, keys) ?? []);
    const endsAt = await this.nextEnd(found);
    return { version, subscriptionIds, subscriptions, topicIds, streams, endsAt };
  }

  /** @throws UnsealError */
  async target(subscription: Subscription): Promise<HookTarget> {
    return this.targetWith(subscription, await this.signingKeys.signing(namespacesToSign([subscription])));
  }

  /** Unix ms at which the next of what they are signed with ends; undefined when nothing does. */
  private async nextEnd(subscriptions: readonly Subscription[]): Promise<number | undefined> {
    const rings = await this.signingKeys.rings(namespacesToSign(subscriptions));
    return nextEnd([...subscriptions, ...rings], this.runtime.clock.now());
  }

  private targetWith(subscription: Subscription, keys: KeysOfNamespaces): HookTarget {
    const { name, url, format, batch, timeoutMs, headers, signature } = subscription;
    const secrets = this.secrets.active(subscription, this.runtime.clock.now());
    const signingKeys = keysFor(subscription, keys);
    const credentials = this.credentials.open(subscription);
    const target = { name, url, format, batch, timeoutMs, headers, signature, secrets, signingKeys };
    return {
      ...target,
      ...grantedOrigin(subscription, this.runtime.config.publicUrl),
      ...(credentials && { credentials }),
    };
  }

  private toDelivery(subscription: Subscription, keys: KeysOfNamespaces): DeliverySubscription | undefined {
    const { id, topics, filter, ordering, concurrency, drainRate, retry, nonRetryable, state } = subscription;
    const { neverAnswered } = subscription;
    try {
      const flow = { ordering, concurrency, rateLimit: sendingRate(subscription), drainRate, neverAnswered };
      return { ...this.targetWith(subscription, keys), id, topics, filter, ...flow, retry, nonRetryable, state };
    } catch (error) {
      if (!(error instanceof UnsealError)) throw error;
      // One damaged secret must not stop all deliveries; without its secret this one could only be sent unsigned.
      this.runtime.log.error({ subscription: subscription.name, reason: error.message }, 'subscription.unusable');
      return undefined;
    }
  }
}

const isSignedByKey = ({ signature }: Subscription): boolean => signature !== 'hmac';

function namespacesToSign(subscriptions: readonly Subscription[]): ReadonlySet<string> {
  return new Set(subscriptions.filter(isSignedByKey).map(({ namespace }) => namespace));
}

/** @throws UnsealError: without its key a subscription could only be sent with less than it asks for */
function keysFor(subscription: Subscription, keys: KeysOfNamespaces): readonly string[] {
  if (!isSignedByKey(subscription)) return [];
  const own = keys.get(subscription.namespace);
  if (own === undefined) throw new UnsealError(`The signing key of ${subscription.namespace} does not open.`);
  return own;
}

/** Who granted an origin is told it with every request (CloudEvents HTTP webhooks 1.0.2 §4.1.1). */
function grantedOrigin({ handshake }: Subscription, publicUrl: string): Pick<HookTarget, 'origin'> {
  return handshake?.by === 'options' ? { origin: originOf(publicUrl) } : {};
}
