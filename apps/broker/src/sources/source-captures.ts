import { Inject, Injectable } from '@nestjs/common';
import type { Source } from '@hookcast/database';
import type { RawRequest } from '@hookcast/sources';
import type pg from 'pg';
import { DATA_POOL, RUNTIME, type Runtime } from '../runtime.js';
import { redact } from './request-redaction.js';
import { addCapture, deleteCaptures, listCaptures, type Capture } from './source-captures-store.js';
import type { SourceEntry } from './source-directory.js';
import type { Outcome } from './source-outcome.js';
import { SourcesService } from './sources.service.js';

/** Bytes of one body that are kept. */
const keptBytes = 65_536;

/** Raw requests of a source, for as long as an operator wants to see them. */
@Injectable()
export class SourceCaptures {
  private readonly taken = new Map<number, { from: string; requests: number }>();
  private readonly writing = new Set<Promise<void>>();

  constructor(
    @Inject(DATA_POOL) private readonly pool: pg.Pool,
    @Inject(RUNTIME) private readonly runtime: Runtime,
    private readonly sources: SourcesService,
  ) {}

  /** Starts anew: what an earlier capture kept is gone. */
  async open(name: string, window: { requests: number; seconds: number }): Promise<Source> {
    const source = await this.sources.find(name);
    await deleteCaptures(this.pool, source.id);
    const opened = await this.sources.update(name, (row, now) => {
      const until = new Date(now.getTime() + window.seconds * 1000);
      const { requests } = window;
      row.capture = requests === 0 ? null : { requests, from: now.toISOString(), until: until.toISOString() };
    });
    this.runtime.log.info({ source: name, ...window }, 'source.capture');
    return opened;
  }

  async list(name: string): Promise<Capture[]> {
    const source = await this.sources.find(name);
    await Promise.all(this.writing);
    return listCaptures(this.pool, source.id);
  }

  /** Keeps the request if it is wanted. In the background. */
  offer(
    row: Source,
    entry: SourceEntry,
    { id, at, request, outcome }: { id: string; at: Date; request: RawRequest; outcome: Outcome },
  ): void {
    if (row.capture === null || !this.isWanted(row, at)) return;
    const { token, config } = entry;
    const clean = redact({ ...request, body: request.body.subarray(0, keptBytes) }, { token, secrets: config.secrets });
    const { verdict, reason = null, answer } = outcome;
    const capture: Capture = {
      ...clean,
      sourceId: row.id,
      id,
      at,
      verdict,
      reason,
      status: answer.status,
      bodyBytes: request.body.length,
    };
    const written = this.write(capture, row.capture.requests).finally(() => this.writing.delete(written));
    this.writing.add(written);
  }

  private isWanted({ id, capture }: Source, at: Date): boolean {
    if (capture === null || at >= new Date(capture.until)) return false;
    const before = this.taken.get(id);
    const requests = before?.from === capture.from ? before.requests : 0;
    if (requests >= capture.requests) return false;
    this.taken.set(id, { from: capture.from, requests: requests + 1 });
    return true;
  }

  private async write(capture: Capture, limit: number): Promise<void> {
    try {
      await addCapture(this.pool, capture, limit);
    } catch (error) {
      this.runtime.log.debug({ err: error }, 'source.capture-failed');
    }
  }
}
