import { Controller, Header, HttpCode, Inject, Post, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { FailedLogins } from '../auth/failed-attempts.js';
import { RefusedRequests } from '../auth/refused-requests.js';
import { Public } from '../auth/scope.js';
import { isSameOrigin, isToken, secretOf, sessionCookie } from '../auth/session-cookie.js';
import { Sessions } from '../auth/sessions.js';
import { readBody } from '../http/body.js';
import { ReadsOwnBody } from '../http/json-body.interceptor.js';
import { Problem } from '../http/problem.js';
import { RUNTIME, type Runtime } from '../runtime.js';

const maxFormBytes = 8_192;

/** Logging in to the page and out of it, by forms, which work before any script does. */
@ApiExcludeController()
@Controller('session')
export class SessionController {
  constructor(
    private readonly sessions: Sessions,
    private readonly failed: FailedLogins,
    private readonly refused: RefusedRequests,
    @Inject(RUNTIME) private readonly runtime: Pick<Runtime, 'config'>,
  ) {}

  @Post()
  @Public()
  @ReadsOwnBody(true)
  @HttpCode(303)
  @Header('cache-control', 'no-store')
  async login(@Req() request: Request, @Res({ passthrough: true }) response: Response): Promise<void> {
    const address = request.socket.remoteAddress ?? '';
    const refusal = this.failed.refusal(address);
    if (refusal) throw refusal;
    const fields = await this.form(request);
    const login = await this.sessions.begin(fields.get('key')?.trim() ?? '');
    if (login.kind === 'begun') {
      response.setHeader('set-cookie', sessionCookie(login.secret, this.runtime.config.publicUrl));
      response.setHeader('location', './');
      return;
    }
    this.failed.add(address);
    // Told to the audit log; the form says it to the person.
    this.refused.stranger({ request, response }, login.authentication);
    response.setHeader('location', './?wrong-key');
  }

  @Post('end')
  @Public()
  @ReadsOwnBody(true)
  @HttpCode(303)
  @Header('cache-control', 'no-store')
  async logout(@Req() request: Request, @Res({ passthrough: true }) response: Response): Promise<void> {
    const fields = await this.form(request);
    const { publicUrl } = this.runtime.config;
    const secret = secretOf(request.headers.cookie, publicUrl);
    const session = await this.sessions.find(secret);
    if (session && !isToken(fields.get('csrf'), session.csrfToken)) throw foreign();
    if (session && secret !== undefined) await this.sessions.end(secret);
    response.setHeader('set-cookie', sessionCookie('', publicUrl));
    response.setHeader('location', '../');
  }

  private async form(request: Request): Promise<URLSearchParams> {
    if (!isSameOrigin(request.headers, this.runtime.config.publicUrl)) throw foreign();
    if (!/^application\/x-www-form-urlencoded(?:;|$)/i.test(request.headers['content-type'] ?? ''))
      throw new Problem('unsupported-media-type', { detail: 'This takes the form of the page.' });
    return new URLSearchParams((await readBody(request, maxFormBytes)).toString('utf8'));
  }
}

function foreign(): Problem {
  return new Problem('forbidden', { detail: 'This request does not come from the page of this broker.' });
}
