import { Inject, Injectable } from '@nestjs/common';
import { SigningKeyRing, type SealedSecret } from '@hookcast/database';
import { generateSigningKeyPair } from '@hookcast/protocol';
import { DataSource, In, type EntityManager } from 'typeorm';
import { aliveSecrets, supersededSecrets, type Rotation } from '../auth/sealed-secrets.js';
import { defaultNamespace } from '../auth/namespace.js';
import { repeatedRotation, withRotation, type RotationRequest } from '../auth/past-rotations.js';
import { UnsealError, Vault } from '../auth/vault.js';
import { keyringOf, RUNTIME, type Runtime } from '../runtime.js';
import { derivedSigningSecret, firstKeyOfDefault, publishedKey, type PublishedKey } from './signing-key.js';

/** Each signs every request, and a receiver refuses more than 10 signatures: 5 are left for shared secrets. */
const maxKeys = 3;

const kind = 'ed25519';

/** The Ed25519 keys of the namespaces: made when they are first needed, sealed at rest, several while one rotates. */
@Injectable()
export class SigningKeys {
  private readonly vault: Vault;

  constructor(
    private readonly dataSource: DataSource,
    @Inject(RUNTIME)
    private readonly runtime: Pick<Runtime, 'encryptionKey' | 'previousEncryptionKey' | 'clock' | 'log'>,
  ) {
    this.vault = new Vault(keyringOf(runtime));
  }

  /** The keys of a namespace, which has one from here on. Where several processes make one at once, the first holds. */
  async ensure(tx: EntityManager, namespace: string): Promise<SigningKeyRing> {
    const owner = { namespace, name: kind };
    const existing = await tx.findOneBy(SigningKeyRing, owner);
    if (existing) return existing;
    const now = this.runtime.clock.now();
    const secrets = [this.sealed(namespace, this.firstSecret(namespace), now)];
    const row = { ...owner, secrets, createdAt: now, updatedAt: now };
    await tx.createQueryBuilder().insert().into(SigningKeyRing).values(row).orIgnore().execute();
    return tx.findOneByOrFail(SigningKeyRing, owner);
  }

  /**
   * The `whsk_` keys that sign for each namespace, newest first. One that does not open is left out: its namespace is
   * not signed for, and the others are.
   */
  async signing(namespaces: ReadonlySet<string>): Promise<ReadonlyMap<string, readonly string[]>> {
    const found = new Map<string, readonly string[]>();
    for (const namespace of namespaces) {
      const ring = await this.ensure(this.dataSource.manager, namespace);
      try {
        found.set(
          namespace,
          this.alive(ring).map(({ secret }) => secret),
        );
      } catch (error) {
        if (!(error instanceof UnsealError)) throw error;
        this.runtime.log.error({ namespace, reason: error.message }, 'signing-key.unusable');
      }
    }
    return found;
  }

  /** The key rings that there are, of these namespaces. */
  async rings(namespaces: ReadonlySet<string>): Promise<SigningKeyRing[]> {
    if (namespaces.size === 0) return [];
    return this.dataSource.manager.findBy(SigningKeyRing, { namespace: In([...namespaces]), name: kind });
  }

  /** What receivers verify with. Nobody makes a key by asking, except the one of `default`. */
  async published(namespace: string): Promise<PublishedKey[]> {
    const { manager } = this.dataSource;
    const ring =
      namespace === defaultNamespace
        ? await this.ensure(manager, namespace)
        : await manager.findOneBy(SigningKeyRing, { namespace, name: kind });
    return ring ? this.alive(ring).map(({ secret }) => publishedKey(secret, namespace)) : [];
  }

  /** Puts a new key first; the ones before it sign along until their grace ends. A repetition changes nothing. */
  async rotate(tx: EntityManager, namespace: string, rotation: Rotation & RotationRequest): Promise<PublishedKey[]> {
    const ring = await this.ensure(tx, namespace);
    const current = this.current(ring);
    if (!repeatedRotation({ rotations: ring.rotations, current }, rotation)) {
      const { secret } = generateSigningKeyPair();
      const old = supersededSecrets(ring.secrets, rotation);
      ring.rotations = withRotation(ring.rotations, rotation, { secret });
      ring.secrets = [this.sealed(namespace, secret, rotation.now), ...old].slice(0, maxKeys);
      ring.updatedAt = rotation.now;
      await tx.save(ring);
    }
    return this.alive(ring).map(({ secret: one }) => publishedKey(one, namespace));
  }

  private current(ring: SigningKeyRing): string {
    const [newest] = ring.secrets;
    return newest ? this.vault.open(newest.sealed, belongsTo(ring.namespace)) : '';
  }

  private alive(ring: SigningKeyRing): { secret: string }[] {
    return aliveSecrets(ring.secrets, this.runtime.clock.now()).map(({ sealed }) => ({
      secret: this.vault.open(sealed, belongsTo(ring.namespace)),
    }));
  }

  private firstSecret(namespace: string): string {
    if (namespace !== defaultNamespace) return generateSigningKeyPair().secret;
    return derivedSigningSecret(this.runtime.encryptionKey, firstKeyOfDefault);
  }

  private sealed(namespace: string, secret: string, now: Date): SealedSecret {
    return {
      kind,
      sealed: this.vault.seal(secret, belongsTo(namespace)),
      hint: publishedKey(secret, namespace).kid,
      createdAt: now.toISOString(),
      expiresAt: null,
    };
  }
}

const belongsTo = (namespace: string): string => `signing_keys.secrets ${namespace}/${kind}`;
