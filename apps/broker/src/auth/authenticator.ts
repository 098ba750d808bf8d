import { createHash, timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { Problem } from '../http/problem.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import { allows, type Principal, type Scope } from './scope.js';

const admin: Principal = { keyId: 'admin', scopes: ['admin'] };

/** Turns an Authorization header into a principal. */
@Injectable()
export class Authenticator {
  private readonly adminDigest: Buffer;

  constructor(@Inject(RUNTIME) runtime: Pick<Runtime, 'adminKey'>) {
    this.adminDigest = digest(Buffer.from(runtime.adminKey, 'utf8'));
  }

  /** @throws Problem unauthenticated or forbidden */
  authorize(header: string | undefined, scope: Scope): Principal {
    const principal = this.authenticate(header);
    if (!principal) {
      throw new Problem('unauthenticated', {
        detail: header === undefined ? 'There is no Authorization header.' : 'The API key is not valid.',
        headers: { 'www-authenticate': 'Bearer realm="hookcast"' },
      });
    }
    if (!allows(principal, scope)) throw new Problem('forbidden', { detail: `This needs the scope "${scope}".` });
    return principal;
  }

  private authenticate(header: string | undefined): Principal | undefined {
    const key = /^bearer +(\S.*)$/i.exec(header ?? '')?.[1];
    if (key === undefined) return undefined;
    // Digests are of one length, so the comparison takes the same time for every key. Node hands header bytes over as latin1.
    return timingSafeEqual(digest(Buffer.from(key, 'latin1')), this.adminDigest) ? admin : undefined;
  }
}

function digest(key: Buffer): Buffer {
  return createHash('sha256').update(key).digest();
}
