import { hash, randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { SealedSourceSecret, SealedToken, Source } from '@hookcast/database';
import { Vault } from '../auth/vault.js';
import { keyringOf, RUNTIME, type Runtime } from '../runtime.js';

type Owner = Pick<Source, 'namespace' | 'name'>;

/** More than a rotation needs: the oldest ones go first. */
const maxTokens = 5;
/** Below this a hint would give away too much of the secret. */
const shortestHinted = 16;
const tokenBytes = 32;

/** A token of a source's URL that works now. */
export interface OpenToken {
  token: string;
  /** SHA-256, for comparing in constant time whatever the length. */
  digest: Buffer;
  expiresAt: Date | undefined;
}

/** The tokens and secrets of sources, sealed at rest. */
@Injectable()
export class SourceSecrets {
  private readonly vault: Vault;

  constructor(@Inject(RUNTIME) runtime: Pick<Runtime, 'encryptionKey' | 'previousEncryptionKey'>) {
    this.vault = new Vault(keyringOf(runtime));
  }

  newToken(owner: Owner, now: Date, token = randomToken()): SealedToken {
    return {
      sealed: this.vault.seal(token, belongsTo(owner, 'tokens')),
      createdAt: now.toISOString(),
      expiresAt: null,
    };
  }

  /** Puts a new token first; the ones before it work on until their grace ends. */
  rotated(source: Source, token: string, rotation: { now: Date; graceSeconds: number }): SealedToken[] {
    const end = new Date(rotation.now.getTime() + rotation.graceSeconds * 1000).toISOString();
    const old = source.tokens
      .map((one) => ({ ...one, expiresAt: one.expiresAt !== null && one.expiresAt < end ? one.expiresAt : end }))
      .filter(({ expiresAt }) => Date.parse(expiresAt) > rotation.now.getTime());
    return [this.newToken(source, rotation.now, token), ...old].slice(0, maxTokens);
  }

  /** @throws UnsealError */
  tokens(source: Source): OpenToken[] {
    return source.tokens.map(({ sealed, expiresAt }) => {
      const token = this.vault.open(sealed, belongsTo(source, 'tokens'));
      return { token, digest: tokenDigest(token), expiresAt: expiresAt === null ? undefined : new Date(expiresAt) };
    });
  }

  /** The token of the URL that is handed out. @throws UnsealError */
  currentToken(source: Source): string {
    const [newest] = source.tokens;
    if (!newest) throw new Error(`Source ${source.name} has no token.`);
    return this.vault.open(newest.sealed, belongsTo(source, 'tokens'));
  }

  /** @throws UnsealError */
  secrets(source: Source): string[] {
    return source.secrets.map(({ sealed }) => this.vault.open(sealed, belongsTo(source, 'secrets')));
  }

  /** Seals secrets in the order given. Those that were stored already keep their id and age. */
  sealed(owner: Owner, secrets: readonly string[], stored: Source | undefined, now: Date): SealedSourceSecret[] {
    const before = new Map(stored ? this.secrets(stored).map((text, index) => [text, stored.secrets[index]]) : []);
    return secrets.map(
      (secret) =>
        before.get(secret) ?? {
          id: randomBytes(9).toString('base64url'),
          sealed: this.vault.seal(secret, belongsTo(owner, 'secrets')),
          hint: secret.length < shortestHinted ? '…' : `…${secret.slice(-4)}`,
          createdAt: now.toISOString(),
        },
    );
  }
}

export const randomToken = (): string => randomBytes(tokenBytes).toString('base64url');

export function tokenDigest(token: string): Buffer {
  return hash('sha256', token, 'buffer');
}

function belongsTo({ namespace, name }: Owner, column: 'tokens' | 'secrets'): string {
  return `sources.${column} ${namespace}/${name}`;
}
