import { Injectable } from '@nestjs/common';
import type { Subscription } from '@hookcast/database';
import type { FieldError } from '../http/problem.js';
import { SubscriptionCredentials, type WantedCredentials } from './subscription-credentials.js';
import { SubscriptionSecrets } from './subscription-secrets.js';

/** What is secret about a declaration. */
export interface WantedSecrets {
  /** Undefined keeps the stored signing secret, or makes one. */
  secret: string | undefined;
  credentials: WantedCredentials;
}

type SealedFields = Pick<Subscription, 'secrets' | 'auth' | 'tls'>;

/** How long the old secret signs on when a declaration brings another one. */
const graceSeconds = 86_400;

/** Compares and seals all that is secret about a subscription. */
@Injectable()
export class DeclaredSecrets {
  constructor(
    private readonly secrets: SubscriptionSecrets,
    private readonly credentials: SubscriptionCredentials,
  ) {}

  faults(wanted: WantedSecrets): FieldError[] {
    return this.credentials.faults(wanted.credentials);
  }

  areMet(subscription: Subscription, { secret, credentials }: WantedSecrets): boolean {
    return !this.isOther(subscription, secret) && this.credentials.areMet(subscription, credentials);
  }

  initial(owner: Pick<Subscription, 'namespace' | 'name'>, wanted: WantedSecrets, now: Date): SealedFields {
    const { secret, credentials } = wanted;
    return { secrets: this.secrets.initial(owner, secret, now), ...this.credentials.sealed(owner, credentials) };
  }

  /** What changes: the rest stays sealed as it is. */
  replaced(existing: Subscription, { secret, credentials }: WantedSecrets, now: Date): Partial<SealedFields> {
    return {
      ...(!this.credentials.areMet(existing, credentials) && this.credentials.sealed(existing, credentials)),
      ...(secret !== undefined &&
        this.isOther(existing, secret) && { secrets: this.secrets.rotated(existing, secret, { now, graceSeconds }) }),
    };
  }

  private isOther(subscription: Subscription, secret: string | undefined): boolean {
    return secret !== undefined && secret !== this.secrets.current(subscription);
  }
}
