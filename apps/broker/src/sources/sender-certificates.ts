import { Inject, Injectable } from '@nestjs/common';
import { HookClient } from '@hookcast/egress';
import { RUNTIME, type Runtime } from '../runtime.js';
import { userAgent } from '../version.js';
import { fetchTimeoutMs, SOURCES_CLIENT } from './sources-client.js';

const keptMs = 86_400_000;
/** A certificate that could not be had is not asked for again by every request. */
const refusedMs = 30_000;
const maxKept = 200;

interface Entry {
  /** Undefined: the last fetch failed. */
  pem: string | undefined;
  until: number;
}

/** Certificates of senders by URL. Which URLs may be asked for is judged by the sender's style before. */
@Injectable()
export class SenderCertificates {
  private readonly entries = new Map<string, Entry>();
  private readonly fetching = new Map<string, Promise<string | undefined>>();

  constructor(
    @Inject(SOURCES_CLIENT) private readonly client: HookClient,
    @Inject(RUNTIME) private readonly runtime: Runtime,
  ) {}

  /** Without waiting. */
  at(url: string): string | undefined {
    return this.live(url)?.pem;
  }

  /** Fetches it unless that was tried just now. */
  async fetch(url: string): Promise<string | undefined> {
    const entry = this.live(url);
    if (entry) return entry.pem;
    const pending = this.fetching.get(url) ?? this.get(url).finally(() => this.fetching.delete(url));
    this.fetching.set(url, pending);
    return pending;
  }

  private live(url: string): Entry | undefined {
    const entry = this.entries.get(url);
    return entry && entry.until > this.runtime.clock.now().getTime() ? entry : undefined;
  }

  private async get(url: string): Promise<string | undefined> {
    const answer = await this.client.post({
      url,
      method: 'GET',
      headers: { 'user-agent': userAgent, accept: '*/*' },
      body: Buffer.alloc(0),
      timeoutMs: fetchTimeoutMs,
    });
    const pem = answer.kind === 'answered' && answer.status === 200 ? answer.body.toString('latin1') : undefined;
    if (pem === undefined) {
      const detail = answer.kind === 'answered' ? `status ${answer.status}` : `${answer.error}: ${answer.detail}`;
      this.runtime.log.warn({ host: new URL(url).hostname, detail }, 'source.certificate-unavailable');
    }
    this.keep(url, pem);
    return pem;
  }

  private keep(url: string, pem: string | undefined): void {
    const until = this.runtime.clock.now().getTime() + (pem === undefined ? refusedMs : keptMs);
    this.entries.delete(url);
    this.entries.set(url, { pem, until });
    // A map keeps the order of insertion: the first one is the oldest.
    for (const oldest of this.entries.keys()) {
      if (this.entries.size <= maxKept) break;
      this.entries.delete(oldest);
    }
  }
}
