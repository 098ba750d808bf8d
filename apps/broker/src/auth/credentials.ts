import type { IncomingMessage } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { Problem } from '../http/problem.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import { Authenticator, type Authentication } from './authenticator.js';
import { isSameOrigin, isToken, secretOf } from './session-cookie.js';
import { Sessions, type Session } from './sessions.js';

/** The proof that a request with a session's cookie comes from the page: what the page was handed with it. */
export const csrfHeader = 'hookcast-csrf';
/** Sent by the page with what it asks for by itself, which is no sign that somebody is still there. */
export const unattendedHeader = 'hookcast-unattended';

/** Who a request says it is from: by its key, or by the session of the page and the proof that goes with it. */
@Injectable()
export class Credentials {
  constructor(
    private readonly authenticator: Authenticator,
    private readonly sessions: Sessions,
    @Inject(RUNTIME) private readonly runtime: Pick<Runtime, 'config'>,
  ) {}

  /** At once for a key that was used lately. @throws Problem for a request that another site sends */
  authenticate({ headers }: IncomingMessage): Authentication | Promise<Authentication> {
    const token = headers[csrfHeader];
    if (headers.authorization !== undefined || typeof token !== 'string')
      return this.authenticator.authenticate(headers.authorization);
    if (!isSameOrigin(headers, this.runtime.config.publicUrl))
      throw new Problem('forbidden', { detail: 'This request does not come from the page of this broker.' });
    return this.ofSession(headers.cookie, { token, isAttended: headers[unattendedHeader] === undefined });
  }

  /**
   * As `authenticate`, for what shows and changes nothing: the cookie needs no proof. A browser that opens an address or
   * loads a script sends no header of ours, and other sites can have it do so without the cookie only (SameSite=Strict).
   */
  authenticateReader({ headers }: IncomingMessage): Authentication | Promise<Authentication> {
    const secret = secretOf(headers.cookie, this.runtime.config.publicUrl);
    if (headers.authorization !== undefined || secret === undefined)
      return this.authenticator.authenticate(headers.authorization);
    return this.sessions.find(secret).then((session) => known(session));
  }

  /** Whether an answer that goes on for long may go on; being sent to keeps no session alive. */
  async stillHold({ headers }: IncomingMessage): Promise<boolean> {
    const token = headers[csrfHeader];
    const found =
      headers.authorization === undefined && typeof token === 'string'
        ? await this.ofSession(headers.cookie, { token, isAttended: false })
        : await this.authenticator.authenticate(headers.authorization);
    return found.kind === 'known';
  }

  private async ofSession(
    cookie: string | undefined,
    { token, isAttended }: { token: string; isAttended: boolean },
  ): Promise<Authentication> {
    const secret = secretOf(cookie, this.runtime.config.publicUrl);
    const session = await this.sessions.find(secret, { isAttended });
    return known(session && isToken(token, session.csrfToken) ? session : undefined);
  }
}

function known(session: Session | undefined): Authentication {
  return session ? { kind: 'known', principal: session.principal } : { kind: 'refused', reason: 'no-session' };
}
