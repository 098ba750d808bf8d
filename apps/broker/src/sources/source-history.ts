import { Inject, Injectable } from '@nestjs/common';
import type { Source } from '@hookcast/database';
import type pg from 'pg';
import { cursorKey, defaultLimit, pageOf, type Page } from '../http/page.js';
import { Problem } from '../http/problem.js';
import { DATA_POOL, RUNTIME, type Runtime } from '../runtime.js';
import type { MinuteResponse, ReceptionQuery } from './reception-response.js';
import { minutesOf } from './source-figures.js';
import { SourceRecorder } from './source-recorder.js';
import { findReception, listReceptions, minutesSince, type Reception } from './source-records-store.js';
import { SourcesService } from './sources.service.js';

const hourMs = 3_600_000;

/** What came to a source. */
@Injectable()
export class SourceHistory {
  constructor(
    @Inject(DATA_POOL) private readonly pool: pg.Pool,
    @Inject(RUNTIME) private readonly runtime: Runtime,
    private readonly sources: SourcesService,
    private readonly recorder: SourceRecorder,
  ) {}

  async receptions(name: string, query: ReceptionQuery): Promise<Page<Reception>> {
    const source = await this.recorded(name);
    const { limit = defaultLimit, verdict = null } = query;
    const [before = null] = cursorKey(query.cursor, ['string']) ?? [];
    const wanted = { sourceId: source.id, verdict, before: before === null ? null : String(before), limit: limit + 1 };
    return pageOf(await listReceptions(this.pool, wanted), limit, ({ id }) => [id]);
  }

  /** @throws Problem source-not-found or reception-not-found */
  async reception(name: string, id: string): Promise<Reception> {
    const source = await this.recorded(name);
    const reception = await findReception(this.pool, source.id, id);
    if (!reception) throw new Problem('reception-not-found');
    return reception;
  }

  async minutes(name: string): Promise<MinuteResponse[]> {
    const source = await this.recorded(name);
    const since = new Date(this.runtime.clock.now().getTime() - hourMs);
    return minutesOf(await minutesSince(this.pool, [source.id], since));
  }

  /** With everything written down that this process has seen. */
  private async recorded(name: string): Promise<Source> {
    const source = await this.sources.find(name);
    await this.recorder.runOnce();
    return source;
  }
}
