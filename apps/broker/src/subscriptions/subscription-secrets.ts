import { Inject, Injectable } from '@nestjs/common';
import type { SealedSecret, Subscription } from '@hookcast/database';
import { generateSecret } from '@hookcast/protocol';
import { aliveSecrets, supersededSecrets, type Rotation } from '../auth/sealed-secrets.js';
import { Vault } from '../auth/vault.js';
import { keyringOf, RUNTIME, type Runtime } from '../runtime.js';

/** Signing with more keys than this would make a header that receivers refuse (10) once Ed25519 joins. */
const maxSecrets = 5;

type Owner = Pick<Subscription, 'namespace' | 'name'>;

/** The secrets of subscriptions: sealed at rest, newest first, several while one rotates. */
@Injectable()
export class SubscriptionSecrets {
  private readonly vault: Vault;

  constructor(@Inject(RUNTIME) runtime: Pick<Runtime, 'encryptionKey' | 'previousEncryptionKey'>) {
    this.vault = new Vault(keyringOf(runtime));
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
    return aliveSecrets(subscription.secrets, now).map(({ sealed }) =>
      this.vault.open(sealed, belongsTo(subscription)),
    );
  }

  /** Puts a new secret first; the ones before it sign on until their grace ends. */
  rotated(
    subscription: Owner & { secrets: readonly SealedSecret[] },
    secret: string,
    rotation: Rotation,
  ): SealedSecret[] {
    return [
      this.sealed(subscription, secret, rotation.now),
      ...supersededSecrets(subscription.secrets, rotation),
    ].slice(0, maxSecrets);
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
