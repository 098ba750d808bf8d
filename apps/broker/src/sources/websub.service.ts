import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { Source, WebSubSubscription } from '@hookcast/database';
import { HookClient, type HookResponse } from '@hookcast/egress';
import { discoverWebSub, webSubForm, type WebSubDiscovery } from '@hookcast/sources';
import { inNamespace } from '../auth/namespace.js';
import { Problem } from '../http/problem.js';
import { invalid } from '../http/validation.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import { userAgent } from '../version.js';
import { SourceSecrets } from './source-secrets.js';
import { handedOutUrl } from './source-url.js';
import { fetchTimeoutMs, SOURCES_CLIENT } from './sources-client.js';
import { SourcesService } from './sources.service.js';
import { failedWebSub, isRenewalDue, renewingWebSub, requestedWebSub } from './websub-state.js';
import { sourcesToRenew } from './websub-store.js';

const renewalMs = 15_000;

/** The broker as a subscriber of WebSub hubs (W3C WebSub): subscribing, renewing leases, unsubscribing. */
@Injectable()
export class WebSubService implements OnApplicationBootstrap, OnModuleDestroy {
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<unknown> = Promise.resolve();

  constructor(
    @Inject(SOURCES_CLIENT) private readonly client: HookClient,
    @Inject(RUNTIME) private readonly runtime: Runtime,
    private readonly sources: SourcesService,
    private readonly secrets: SourceSecrets,
  ) {}

  /** @throws Problem when the topic names no hub or the hub does not take the request */
  async subscribe(name: string, topicUrl: string): Promise<Source> {
    refuseOthers(await this.sources.find(name));
    const { topic, hubs } = await this.discover(topicUrl);
    const [hub = ''] = hubs;
    // Written first: the hub may ask for our intent before it answers.
    const source = await this.sources.update(name, (row, now) => {
      refuseOthers(row);
      row.options = { ...row.options, topic };
      row.websub = requestedWebSub({ topic, hub }, now);
    });
    return this.ask(source, 'subscribe');
  }

  async unsubscribe(name: string): Promise<Source> {
    refuseOthers(await this.sources.find(name));
    const source = await this.sources.update(name, (row) => {
      if (row.websub === null) throw invalid([{ pointer: '', detail: 'has no WebSub subscription to end' }]);
      row.websub = { ...row.websub, state: 'unsubscribing', renewAt: null };
    });
    return this.ask(source, 'unsubscribe');
  }

  onApplicationBootstrap(): void {
    this.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.stop();
  }

  start(): void {
    this.timer = setInterval(() => void this.tick(), renewalMs).unref();
  }

  /** Asks for every lease again that is three quarters over. */
  async runOnce(): Promise<{ renewed: number; failed: number }> {
    const counts = { renewed: 0, failed: 0 };
    const due = await sourcesToRenew(this.sources.manager, this.runtime.clock.now());
    for (const { namespace, name } of due) {
      const isRenewed = await inNamespace(namespace, async () => this.renew(name));
      if (isRenewed !== undefined) counts[isRenewed ? 'renewed' : 'failed'] += 1;
    }
    return counts;
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.running;
  }

  /** Undefined when another process was faster. */
  private async renew(name: string): Promise<boolean | undefined> {
    let isClaimed = false;
    const source = await this.sources.update(name, (row, now) => {
      isClaimed = row.websub !== null && isRenewalDue(row.websub, now);
      if (row.websub && isClaimed) row.websub = renewingWebSub(row.websub, now);
    });
    if (!isClaimed) return undefined;
    try {
      await this.ask(source, 'subscribe');
      return true;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      return false;
    }
  }

  private async tick(): Promise<void> {
    this.running = this.runOnce().catch((error: unknown) => {
      this.runtime.log.debug({ err: error }, 'source.websub-renewal-failed');
    });
    await this.running;
  }

  private async discover(topicUrl: string): Promise<WebSubDiscovery> {
    const answer = await this.client.post({
      url: topicUrl,
      method: 'GET',
      headers: { 'user-agent': userAgent, accept: '*/*' },
      body: Buffer.alloc(0),
      timeoutMs: fetchTimeoutMs,
    });
    if (answer.kind === 'failed' || answer.status >= 300) throw refusedBecause('The topic cannot be fetched', answer);
    const found = discoverWebSub(topicUrl, [answer.headers['link'] ?? []].flat(), answer.body.toString('utf8'));
    if (!found) throw new Problem('websub-refused', { detail: 'The topic names no hub.' });
    return found;
  }

  private async ask(source: Source, mode: 'subscribe' | 'unsubscribe'): Promise<Source> {
    const { websub } = source;
    if (websub === null) throw new Error(`Source ${source.name} has no WebSub subscription.`);
    const answer = await this.client.post({
      url: websub.hub,
      method: 'POST',
      headers: { 'user-agent': userAgent, 'content-type': 'application/x-www-form-urlencoded' },
      body: Buffer.from(this.form(source, websub, mode)),
      timeoutMs: fetchTimeoutMs,
    });
    const line = { source: source.name, mode, hub: new URL(websub.hub).hostname };
    if (answer.kind === 'answered' && answer.status < 300) {
      this.runtime.log.info({ ...line, status: answer.status }, 'source.websub-asked');
      // The hub may have asked back and been answered in the meantime.
      return this.sources.find(source.name);
    }
    const problem = refusedBecause('The hub did not take the request', answer);
    this.runtime.log.warn({ ...line, reason: problem.message }, 'source.websub-refused');
    await this.sources.update(source.name, (row) => {
      if (row.websub) row.websub = failedWebSub(row.websub, problem.message);
    });
    throw problem;
  }

  private form(source: Source, { topic }: WebSubSubscription, mode: 'subscribe' | 'unsubscribe'): string {
    const token = this.secrets.currentToken(source);
    const callbackUrl = source.callbackUrl ?? handedOutUrl(this.runtime.config.publicUrl, source.name, token);
    const [secret = ''] = this.secrets.secrets(source);
    return webSubForm({ mode, topic, callbackUrl, secret });
  }
}

function refuseOthers({ sender, name }: Source): void {
  if (sender === 'websub') return;
  throw invalid([{ pointer: '/name', detail: `names a source of ${sender}; ${name} must have the sender websub` }]);
}

function refusedBecause(what: string, answer: HookResponse): Problem {
  const why = answer.kind === 'answered' ? `it answered ${answer.status}` : `${answer.error}: ${answer.detail}`;
  return new Problem('websub-refused', { detail: `${what}: ${why}.` });
}
