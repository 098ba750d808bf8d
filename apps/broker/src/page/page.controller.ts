import { Controller, Get, Header, Inject, Query, Req } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request } from 'express';
import { Public } from '../auth/scope.js';
import { secretOf } from '../auth/session-cookie.js';
import { Sessions } from '../auth/sessions.js';
import { Readiness } from '../health/readiness.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import { version } from '../version.js';
import { dashboard } from './dashboard.js';
import { DashboardReader } from './dashboard-reader.js';
import { statusPage } from './status-page.js';
import { styleSheet } from './style-sheet.js';

/** Stricter than what the documentation needs: no script at all, and nobody may frame it. */
const policy = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/** For whoever opens the broker in a browser: without a session it shows nothing that needs a key. */
@ApiExcludeController()
@Controller()
export class PageController {
  constructor(
    private readonly readiness: Readiness,
    private readonly sessions: Sessions,
    private readonly reader: DashboardReader,
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
    const facts = session && (await this.reader.read(session));
    if (facts) return dashboard(facts);
    const notice = session ? 'This key may not read: it needs the scope read.' : 'That key does not work.';
    const isTold = session !== undefined || wrongKey !== undefined;
    return statusPage({ state, version, publicUrl, ...(isTold && { notice }) });
  }

  @Get('page.css')
  @Public()
  @Header('content-type', 'text/css; charset=utf-8')
  style(): string {
    return styleSheet;
  }
}
