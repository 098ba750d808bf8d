import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { Source } from '@hookcast/database';
import { HookClient } from '@hookcast/egress';
import type { FollowUp } from '@hookcast/sources';
import { inNamespace } from '../auth/namespace.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import { userAgent } from '../version.js';
import { fetchTimeoutMs, SOURCES_CLIENT } from './sources-client.js';
import { SourcesService } from './sources.service.js';
import { deniedWebSub, leasedWebSub } from './websub-state.js';

/** The sender heard 200 already and will not ask again: so we try more than once. */
const confirmAfterMs = [0, 2_000, 10_000];

/** What is left to do after the answer to a sender. */
@Injectable()
export class SourceFollowUps {
  constructor(
    @Inject(SOURCES_CLIENT) private readonly client: HookClient,
    @Inject(RUNTIME) private readonly runtime: Runtime,
    private readonly sources: SourcesService,
  ) {}

  /** In the background; what goes wrong is logged. */
  act(row: Source, followUp: FollowUp): void {
    void this.attempt(row, async () => {
      switch (followUp.kind) {
        case 'confirm':
          return this.confirm(row, followUp.url);
        case 'revoked':
          return row.sender === 'websub' ? this.denied(row, followUp.reason) : this.revoke(row, followUp.reason);
        case 'lease':
          return this.lease(row, followUp);
      }
    });
  }

  /** A sender that shakes hands anew has been subscribed again. */
  revive(row: Source): void {
    if (row.state === 'active') return;
    void this.attempt(row, async () => {
      await this.sources.update(row.name, (source) => {
        source.state = 'active';
        source.stateReason = null;
      });
      this.runtime.log.info({ source: row.name, from: row.state, to: 'active' }, 'source.state');
    });
  }

  private async attempt(row: Source, work: () => Promise<void>): Promise<void> {
    try {
      await inNamespace(row.namespace, work);
    } catch (error) {
      this.runtime.log.warn({ source: row.name, err: error }, 'source.follow-up-failed');
    }
  }

  private async confirm(row: Source, url: string): Promise<void> {
    for (const waitMs of confirmAfterMs) {
      await pause(waitMs, undefined, { ref: false });
      const headers = { 'user-agent': userAgent, accept: '*/*' };
      const answer = await this.client.post({
        url,
        method: 'GET',
        headers,
        body: Buffer.alloc(0),
        timeoutMs: fetchTimeoutMs,
      });
      const isConfirmed = answer.kind === 'answered' && answer.status < 300;
      const detail = answer.kind === 'answered' ? `status ${answer.status}` : `${answer.error}: ${answer.detail}`;
      // The URL holds a token: only its host is shown.
      const line = { source: row.name, host: new URL(url).hostname, detail };
      if (isConfirmed) {
        this.runtime.log.info(line, 'source.confirmed');
        return;
      }
      this.runtime.log.warn(line, 'source.confirm-failed');
    }
  }

  private async revoke(row: Source, reason: string): Promise<void> {
    if (row.state === 'revoked' && row.stateReason === reason) return;
    await this.sources.update(row.name, (source) => {
      source.state = 'revoked';
      source.stateReason = reason;
    });
    this.runtime.log.warn({ source: row.name, from: row.state, to: 'revoked', reason }, 'source.state');
  }

  /** Not signed, so whoever knows the URL may say it: shown, and nothing else. */
  private async denied(row: Source, reason: string): Promise<void> {
    const lastError = deniedWebSub(reason);
    if (row.websub === null || row.websub.lastError === lastError) return;
    await this.sources.update(row.name, (source) => {
      if (source.websub) source.websub = { ...source.websub, lastError };
    });
  }

  private async lease(row: Source, lease: Extract<FollowUp, { kind: 'lease' }>): Promise<void> {
    await this.sources.update(row.name, (source, now) => {
      if (source.websub) source.websub = leasedWebSub(source.websub, lease, now);
    });
    this.runtime.log.info({ source: row.name, mode: lease.mode, leaseSeconds: lease.leaseSeconds }, 'source.websub');
  }
}
