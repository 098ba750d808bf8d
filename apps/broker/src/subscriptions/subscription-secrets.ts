import { hkdfSync } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { SealedSecret, Subscription } from '@hookcast/database';
import { generateSecret } from '@hookcast/protocol';
import { Vault } from '../auth/vault.js';
import { keyringOf, RUNTIME, type Runtime } from '../runtime.js';

/** Signing with more keys than this would make a header that receivers refuse (10) once Ed25519 joins. */
const maxSecrets = 5;

type Owner = Pick<Subscription, 'namespace' | 'name'>;

/** The secrets of subscriptions: sealed at rest, newest first, several while one rotates. */
@Injectable()
export class SubscriptionSecrets {
  private readonly vault: Vault;
  private readonly encryptionKey: Buffer;

  constructor(@Inject(RUNTIME) runtime: Pick<Runtime, 'encryptionKey' | 'previousEncryptionKey'>) {
    this.vault = new Vault(keyringOf(runtime));
    this.encryptionKey = runtime.encryptionKey;
  }

  initial(owner: Owner, secret: string | undefined, now: Date): SealedSecret[] {
    return [this.sealed(owner, secret ?? generateSecret(), now)];
  }

  /** The secret that signs from now on. */
  current(subscription: Owner & { secrets: readonly SealedSecret[] }): string {
    const [newest] = subscription.secrets;
    if (!newest) throw new Error(`Subscription ${subscription.name} has no secret.`);
    return this.vault.open(newest.sealed, belongsTo(subscription));
  }

  /** Every secret that still signs, newest first. */
  active(subscription: Owner & { secrets: readonly SealedSecret[] }, now: Date): string[] {
    return subscription.secrets
      .filter((secret, index) => index === 0 || isAlive(secret, now))
      .map(({ sealed }) => this.vault.open(sealed, belongsTo(subscription)));
  }

  /** Puts a new secret first; the ones before it sign on until their grace ends. */
  rotated(
    subscription: Owner & { secrets: readonly SealedSecret[] },
    secret: string,
    rotation: { now: Date; graceSeconds: number },
  ): SealedSecret[] {
    const end = new Date(rotation.now.getTime() + rotation.graceSeconds * 1000).toISOString();
    const old = subscription.secrets
      .map((one) => ({ ...one, expiresAt: one.expiresAt !== null && one.expiresAt < end ? one.expiresAt : end }))
      .filter((one) => isAlive(one, rotation.now));
    return [this.sealed(subscription, secret, rotation.now), ...old].slice(0, maxSecrets);
  }

  /**
   * The secret of a rotation: random, or, with an idempotency key, derived from it, so that a repeated request gets
   * the secret of the first one and nothing has to be remembered.
   */
  nextSecret(owner: Owner, idempotencyKey: string | undefined): string {
    if (idempotencyKey === undefined) return generateSecret();
    const info = `hookcast rotation of ${belongsTo(owner)}\n${idempotencyKey}`;
    return `whsec_${Buffer.from(hkdfSync('sha256', this.encryptionKey, Buffer.alloc(0), info, 32)).toString('base64')}`;
  }

  private sealed(owner: Owner, secret: string, now: Date): SealedSecret {
    return {
      kind: 'hmac',
      sealed: this.vault.seal(secret, belongsTo(owner)),
      hint: `whsec_…${secret.replace(/=+$/, '').slice(-4)}`,
      createdAt: now.toISOString(),
      expiresAt: null,
    };
  }
}

function belongsTo({ namespace, name }: Owner): string {
  return `subscriptions.secrets ${namespace}/${name}`;
}

function isAlive({ expiresAt }: SealedSecret, now: Date): boolean {
  return expiresAt === null || Date.parse(expiresAt) > now.getTime();
}
