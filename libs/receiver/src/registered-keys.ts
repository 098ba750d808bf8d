import type { RegisteredService } from './broker-api.js';
import type { PublicKeySource } from './public-keys.js';
import type { SubscriptionDeclaration } from './subscription-declaration.js';

const none: readonly string[] = [];

/** What the requests of each subscription are verified with: by its `signature`, its secret or the broker's public keys. */
export class RegisteredKeys {
  private readonly byPublicKey: ReadonlySet<string>;
  private readonly bySecret: ReadonlySet<string>;
  private secrets: ReadonlyMap<string, readonly string[]> = new Map();
  private publicKeys: PublicKeySource | undefined;

  /** @param publicKeysFor the keys of a namespace, once the broker has told which one we are in */
  constructor(
    declared: readonly Pick<SubscriptionDeclaration, 'name' | 'signature'>[],
    private readonly publicKeysFor: (namespace: string | undefined) => PublicKeySource,
  ) {
    const named = (...signatures: SubscriptionDeclaration['signature'][]) =>
      new Set(declared.flatMap(({ name, signature = 'hmac' }) => (signatures.includes(signature) ? [name] : [])));
    this.byPublicKey = named('ed25519', 'both');
    this.bySecret = named('hmac', 'both');
  }

  /** @returns the names of those whose secret is needed and not shown to our key */
  learn({ namespace, subscriptions }: RegisteredService): string[] {
    if (this.byPublicKey.size > 0) this.publicKeys ??= this.publicKeysFor(namespace);
    const needed = subscriptions.filter(({ name }) => this.bySecret.has(name));
    const known = needed.flatMap(({ name, secret }) => (secret === undefined ? [] : [[name, [secret]] as const]));
    this.secrets = new Map(known);
    return needed.filter(({ secret }) => secret === undefined).map(({ name }) => name);
  }

  /**
   * The secret of a subscription signs for that one alone, which is what binds the header that names it: without a name,
   * or with another one, no secret counts.
   */
  secretsOf(subscription: string | undefined): readonly string[] {
    return (subscription === undefined ? undefined : this.secrets.get(subscription)) ?? none;
  }

  publicKeysOf(subscription: string | undefined): readonly string[] {
    const isMeant = subscription !== undefined && this.byPublicKey.has(subscription);
    return isMeant ? (this.publicKeys?.publicKeys() ?? none) : none;
  }

  refresh(): void {
    this.publicKeys?.refresh();
  }
}
