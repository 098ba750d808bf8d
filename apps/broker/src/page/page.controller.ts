import { Controller, Get, Header, Inject } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { Public } from '../auth/scope.js';
import { Readiness } from '../health/readiness.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import { version } from '../version.js';
import { statusPage } from './status-page.js';
import { styleSheet } from './style-sheet.js';

/** A page for whoever opens the broker in a browser. It shows nothing that needs a key. */
@ApiExcludeController()
@Controller()
export class PageController {
  constructor(
    private readonly readiness: Readiness,
    @Inject(RUNTIME) private readonly runtime: Runtime,
  ) {}

  @Get()
  @Public()
  @Header('content-type', 'text/html; charset=utf-8')
  @Header('cache-control', 'no-store')
  async page(): Promise<string> {
    return statusPage({ state: await this.readiness.check(), version, publicUrl: this.runtime.config.publicUrl });
  }

  @Get('page.css')
  @Public()
  @Header('content-type', 'text/css; charset=utf-8')
  style(): string {
    return styleSheet;
  }
}
