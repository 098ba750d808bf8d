import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { ControlPlane } from '../control/control-plane.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import { Authenticator, type Authentication } from './authenticator.js';
import { keyHash } from './key-format.js';
import type { Principal } from './scope.js';
import {
  deleteEndedSessions,
  deleteSession,
  findSession,
  insertSession,
  touchSession,
  type SessionRow,
} from './session-store.js';

/** Somebody who is logged in to the page. */
export interface Session {
  principal: Principal;
  /** Has to come back with every change: another site cannot know it. */
  csrfToken: string;
}

export type Login =
  { kind: 'begun'; secret: string } | { kind: 'refused'; authentication: Extract<Authentication, { kind: 'refused' }> };

/** A session that is in use is written down as such this often. */
const touchMs = 60_000;
const form = /^[A-Za-z0-9_-]{43}$/;

/**
 * Sessions of the page, in the database, so that every process knows them. A session is bound to the key that it began
 * with: it ends when the key is revoked, rotated away or expires. The cookie's text is stored nowhere, only its hash.
 */
@Injectable()
export class Sessions {
  constructor(
    private readonly authenticator: Authenticator,
    private readonly control: ControlPlane,
    @Inject(RUNTIME) private readonly runtime: Pick<Runtime, 'clock' | 'config'>,
  ) {}

  async begin(key: string): Promise<Login> {
    const authentication = await this.authenticator.authenticate(`Bearer ${key}`);
    if (authentication.kind === 'refused') return { kind: 'refused', authentication };
    const now = this.runtime.clock.now();
    const secret = randomBytes(32).toString('base64url');
    await deleteEndedSessions(this.control.manager, now, this.idleSince(now));
    await insertSession(this.control.manager, idHash(secret), {
      keyId: authentication.principal.keyId,
      keyProof: proofOf(secret, keyHash(key)),
      createdAt: now,
      seenAt: now,
      expiresAt: new Date(now.getTime() + this.runtime.config.sessionHours * 3_600_000),
    });
    return { kind: 'begun', secret };
  }

  /**
   * Who is behind a cookie; undefined when its session is over, for whatever reason. A page that refreshes itself is
   * not attended: the session ends when nobody used it for its minutes, however long the page stays open.
   */
  async find(secret: string | undefined, { isAttended = true } = {}): Promise<Session | undefined> {
    if (secret === undefined || !form.test(secret)) return undefined;
    const id = idHash(secret);
    const row = await findSession(this.control.manager, id);
    const now = this.runtime.clock.now();
    if (!row || this.isOver(row, now)) return undefined;
    const proves = (hash: Buffer) => timingSafeEqual(proofOf(secret, hash), row.keyProof);
    const principal = await this.authenticator.holderOf(row.keyId, proves);
    if (!principal) return undefined;
    if (isAttended && now.getTime() - row.seenAt.getTime() > touchMs) await touchSession(this.control.manager, id, now);
    return { principal, csrfToken: csrfTokenOf(secret) };
  }

  async end(secret: string): Promise<void> {
    await deleteSession(this.control.manager, idHash(secret));
  }

  private isOver({ expiresAt, seenAt }: Pick<SessionRow, 'expiresAt' | 'seenAt'>, now: Date): boolean {
    return expiresAt <= now || seenAt <= this.idleSince(now);
  }

  private idleSince(now: Date): Date {
    return new Date(now.getTime() - this.runtime.config.sessionIdleMinutes * 60_000);
  }
}

function idHash(secret: string): Buffer {
  return createHash('sha256').update(`session id ${secret}`).digest();
}

/** Of the cookie and the key together: from the database alone neither can be guessed at. */
function proofOf(secret: string, hash: Buffer): Buffer {
  return createHash('sha256').update(`session key ${secret}`).update(hash).digest();
}

function csrfTokenOf(secret: string): string {
  return createHmac('sha256', secret).update('csrf').digest('base64url');
}
