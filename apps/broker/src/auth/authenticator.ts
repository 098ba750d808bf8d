import { timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { Problem } from '../http/problem.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import { KeyDirectory, type KnownKey } from './key-directory.js';
import { keyHash, keyIdOf, likelyKeyId } from './key-format.js';
import { KeyUses } from './key-uses.js';
import { defaultNamespace } from './namespace.js';
import { principalOf, type Principal } from './scope.js';

/** The key of the operator: HOOKCAST_ADMIN_KEY or the generated file. It is in no table. */
export const operator: Principal = principalOf({
  id: 'admin',
  name: 'admin',
  namespace: defaultNamespace,
  scopes: ['admin'],
});

/** `malformed` is every text that is neither the operator's key nor one of ours, mistyped ones included. */
export type RefusedReason = 'no-key' | 'no-bearer' | 'no-session' | 'malformed' | 'unknown' | 'expired';

const refusalTexts: Partial<Record<RefusedReason, string>> = {
  'no-key': 'There is no Authorization header.',
  'no-bearer': 'The Authorization header is not "Bearer" and a key.',
  'no-session': 'The session of the page is over: log in again.',
};

export type Authentication =
  { kind: 'known'; principal: Principal } | { kind: 'refused'; reason: RefusedReason; keyId?: string };

const knownOperator: Authentication = { kind: 'known', principal: operator };
const nobody = Buffer.alloc(32);

/** Turns an Authorization header into a principal. */
@Injectable()
export class Authenticator {
  private readonly operatorHash: Buffer;

  constructor(
    @Inject(RUNTIME) private readonly runtime: Pick<Runtime, 'adminKey' | 'clock'>,
    private readonly directory: KeyDirectory,
    private readonly uses: KeyUses,
  ) {
    this.operatorHash = keyHash(runtime.adminKey);
  }

  /** At once for a key that was used lately; otherwise it is looked up. */
  authenticate(header: string | undefined): Authentication | Promise<Authentication> {
    const text = /^bearer +(\S.*)$/i.exec(header ?? '')?.[1];
    if (text === undefined) return { kind: 'refused', reason: header === undefined ? 'no-key' : 'no-bearer' };
    const hash = keyHash(text);
    // Digests are of one length, so the comparison takes the same time for every key.
    if (timingSafeEqual(hash, this.operatorHash)) return knownOperator;
    // Most requests come with a key that is known: its hash says more than its checksum would.
    const likely = likelyKeyId(text);
    const cached = this.directory.cached(likely);
    if (cached) return this.judge(cached, hash, likely);
    const id = keyIdOf(text);
    if (id === undefined) return { kind: 'refused', reason: 'malformed' };
    return cached === null
      ? this.judge(null, hash, id)
      : this.directory.load(id).then((key) => this.judge(key, hash, id));
  }

  /** Whoever holds the key, if it still works and its hash is the one that `matches`. */
  async holderOf(keyId: string, matches: (hash: Buffer) => boolean): Promise<Principal | undefined> {
    if (keyId === operator.keyId) return matches(this.operatorHash) ? operator : undefined;
    const key = this.directory.cached(keyId) ?? (await this.directory.load(keyId));
    if (!key) return undefined;
    const hash = [key.hash, key.previousHash].find((one) => one !== null && matches(one));
    if (!hash) return undefined;
    const authentication = this.judge(key, hash, keyId);
    return authentication.kind === 'known' ? authentication.principal : undefined;
  }

  private judge(key: KnownKey | null, hash: Buffer, keyId: string): Authentication {
    const ends = key && endsOf(key, hash);
    if (!ends) return { kind: 'refused', reason: 'unknown', keyId };
    const now = this.runtime.clock.now();
    if (ends.some((end) => end !== null && end <= now)) return { kind: 'refused', reason: 'expired', keyId };
    this.uses.note(key.id, now);
    return { kind: 'known', principal: key.principal };
  }
}

/** When the key that was presented ends, null meaning never; undefined when its secret is another one. */
function endsOf(key: KnownKey, hash: Buffer): readonly (Date | null)[] | undefined {
  const isCurrent = timingSafeEqual(hash, key.hash);
  const isPrevious = timingSafeEqual(hash, key.previousHash ?? nobody);
  if (isCurrent) return [key.expiresAt];
  return isPrevious ? [key.expiresAt, key.previousExpiresAt] : undefined;
}

/** The answer is the same for every wrong key, so that nobody learns which part of it is wrong. */
export function unauthenticated(reason: RefusedReason): Problem {
  return new Problem('unauthenticated', {
    detail: refusalTexts[reason] ?? 'The API key is not valid.',
    headers: { 'www-authenticate': 'Bearer realm="hookcast"' },
  });
}

export function forbidden(scope: string): Problem {
  return new Problem('forbidden', { detail: `This needs the scope "${scope}".` });
}
