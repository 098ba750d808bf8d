import { Inject, Injectable } from '@nestjs/common';
import type { Source } from '@hookcast/database';
import type pg from 'pg';
import { DATA_POOL, RUNTIME, type Runtime } from '../runtime.js';
import { healthOf } from './source-figures.js';
import { SourceRecorder } from './source-recorder.js';
import { minutesSince, secretUses, type MinuteCount, type SecretUse } from './source-records-store.js';
import type { SourceResponse, WebSubResponse } from './source-response.js';
import { SourceSecrets } from './source-secrets.js';
import { schemeInfo } from './source-settings.js';
import { handedOutUrl, urlForSender } from './source-url.js';

const hourMs = 3_600_000;

/** Sources as the API shows them. */
@Injectable()
export class SourceResponses {
  constructor(
    @Inject(DATA_POOL) private readonly pool: pg.Pool,
    @Inject(RUNTIME) private readonly runtime: Runtime,
    private readonly secrets: SourceSecrets,
    private readonly recorder: SourceRecorder,
  ) {}

  async one(source: Source, options: { withUrl: boolean }): Promise<SourceResponse> {
    const [response] = await this.all([source], options);
    if (!response) throw new Error('One source gives one response.');
    return response;
  }

  async all(sources: readonly Source[], { withUrl }: { withUrl: boolean }): Promise<SourceResponse[]> {
    await this.recorder.runOnce();
    const now = this.runtime.clock.now();
    const ids = sources.map(({ id }) => id);
    const counts = await minutesSince(this.pool, ids, new Date(now.getTime() - hourMs));
    const uses = await secretUses(this.pool, ids);
    return sources.map((source) => ({
      ...this.described(source, uses, now),
      url: withUrl ? this.url(source) : null,
      health: healthOf(ofSource<MinuteCount>(source, counts), now),
    }));
  }

  private described(source: Source, uses: readonly SecretUse[], now: Date): Omit<SourceResponse, 'url' | 'health'> {
    const { name, sender, topic, enabled, state, stateReason, callbackUrl, publicKeys, options, capture } = source;
    const used = new Map(ofSource<SecretUse>(source, uses).map(({ secretId, lastAt }) => [secretId, lastAt]));
    const until = source.tokens.flatMap(({ expiresAt }) => expiresAt ?? []);
    return {
      name,
      sender,
      topic,
      enabled,
      state,
      stateReason,
      callbackUrl,
      publicKeys,
      options,
      scheme: schemeInfo(source)?.name ?? source.scheme ?? '',
      oldUrlsUntil: until.filter((time) => new Date(time) > now),
      secrets: source.secrets.map(({ id, hint, createdAt }) => ({
        hint,
        createdAt,
        lastVerifiedAt: used.get(id)?.toISOString() ?? null,
      })),
      websub: websubOf(source, now),
      capture: capture !== null && new Date(capture.until) > now ? capture : null,
      createdAt: source.createdAt.toISOString(),
      updatedAt: source.updatedAt.toISOString(),
    };
  }

  private url(source: Source): string {
    const url = handedOutUrl(this.runtime.config.publicUrl, source.name, this.secrets.currentToken(source));
    return urlForSender(url, source, this.secrets.secrets(source)[0]);
  }
}

function ofSource<T extends { sourceId: number }>({ id }: Source, records: readonly T[]): T[] {
  return records.filter(({ sourceId }) => sourceId === id);
}

function websubOf({ websub }: Source, now: Date): WebSubResponse | null {
  if (websub === null) return null;
  const isOver = websub.leasedUntil !== null && new Date(websub.leasedUntil) <= now;
  return { ...websub, state: websub.state === 'subscribed' && isOver ? 'lapsed' : websub.state };
}
