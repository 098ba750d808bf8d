import { Controller, Get, Header, Inject, Param, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { Public } from '../auth/scope.js';
import { secretOf } from '../auth/session-cookie.js';
import { Sessions } from '../auth/sessions.js';
import { Readiness } from '../health/readiness.js';
import { Problem } from '../http/problem.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import { version } from '../version.js';
import { BuiltPage, codingFor } from './built-page.js';
import { icon, loginScript } from './login-script.js';
import { shell } from './shell.js';
import { statusPage } from './status-page.js';
import { styleSheet } from './style-sheet.js';

/** Stricter than what the documentation needs: files of ours only, no text becomes markup, and nobody may frame it. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
  "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

/** For whoever opens the broker in a browser: without a session it shows nothing that needs a key. */
@ApiExcludeController()
@Controller()
export class PageController {
  constructor(
    private readonly readiness: Readiness,
    private readonly sessions: Sessions,
    private readonly built: BuiltPage,
    @Inject(RUNTIME) private readonly runtime: Runtime,
  ) {}

  @Get()
  @Public()
  @Header('content-type', 'text/html; charset=utf-8')
  @Header('cache-control', 'no-store')
  @Header('content-security-policy', policy)
  @Header('x-frame-options', 'DENY')
  // With no-referrer browsers send "Origin: null" with forms, and nobody could tell ours from another's.
  @Header('referrer-policy', 'same-origin')
  async page(@Req() request: Request, @Query('wrong-key') wrongKey: unknown): Promise<string> {
    const { publicUrl } = this.runtime.config;
    const state = await this.readiness.check();
    const session =
      state.kind === 'ready' ? await this.sessions.find(secretOf(request.headers.cookie, publicUrl)) : undefined;
    const files = await this.built.files();
    if (session) return shell({ session, version, files });
    const isBuilt = files !== undefined;
    return statusPage({ state, version, publicUrl, isBuilt, isWrongKey: wrongKey !== undefined });
  }

  /** Their names hold a hash of what is in them, so nobody has to ask for one twice. */
  @Get('assets/:file')
  @Public()
  async asset(@Param('file') file: string, @Req() request: Request, @Res() response: Response): Promise<void> {
    const asset = await this.built.asset(file);
    if (!asset) throw new Problem('route-not-found', { detail: 'The page has no such file: load it again.' });
    const coding = codingFor(request.headers['accept-encoding']);
    if (coding !== 'identity') response.setHeader('content-encoding', coding);
    response.setHeader('vary', 'accept-encoding');
    response.setHeader('cache-control', 'public, max-age=31536000, immutable');
    response.setHeader('content-type', asset.type);
    response.end(asset.bytes[coding]);
  }

  @Get('page.css')
  @Public()
  @Header('content-type', 'text/css; charset=utf-8')
  style(): string {
    return styleSheet;
  }

  @Get('page.js')
  @Public()
  @Header('content-type', 'text/javascript; charset=utf-8')
  script(): string {
    return loginScript;
  }

  @Get('page.svg')
  @Public()
  @Header('content-type', 'image/svg+xml')
  icon(): string {
    return icon;
  }
}
