import { Inject, Injectable } from '@nestjs/common';
import { ApiKey, Source, Subscription, Topic } from '@hookcast/database';
import { DataSource, IsNull, MoreThan } from 'typeorm';
import { callerNamespace } from '../auth/namespace.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import { version } from '../version.js';
import { asyncApi } from './asyncapi.js';
import { busMap } from './bus-map.js';
import type { MapResponse } from './map.dto.js';

const mostTopics = 1_000;

/** Who publishes and who subscribes what, in the namespace of the caller. */
@Injectable()
export class MapService {
  constructor(
    private readonly dataSource: DataSource,
    @Inject(RUNTIME) private readonly runtime: Runtime,
  ) {}

  async map(): Promise<MapResponse> {
    return (await this.read()).map;
  }

  async asyncApi(): Promise<Record<string, unknown>> {
    const { map, schemas } = await this.read();
    return asyncApi({ topics: map.topics, schemas, publicUrl: this.runtime.config.publicUrl, version });
  }

  private async read(): Promise<{ map: MapResponse; schemas: Map<string, Record<string, unknown>> }> {
    const { manager } = this.dataSource;
    const where = { namespace: callerNamespace() };
    const order = { name: 'asc' } as const;
    const alive = { ...where, revokedAt: IsNull() };
    const now = this.runtime.clock.now();
    const [topics, keys, sources, subscriptions] = await Promise.all([
      manager.find(Topic, { where, order, take: mostTopics + 1 }),
      manager.find(ApiKey, {
        where: [
          { ...alive, expiresAt: IsNull() },
          { ...alive, expiresAt: MoreThan(now) },
        ],
        order,
      }),
      manager.find(Source, { where, order }),
      manager.find(Subscription, { where, order }),
    ]);
    const shown = topics.slice(0, mostTopics);
    const names = shown.map(({ name }) => name);
    const schemas = new Map(shown.flatMap(({ name, schema }) => (schema === null ? [] : [[name, schema] as const])));
    const map = {
      topics: busMap({ topics: names, keys, sources, subscriptions }),
      isCut: topics.length > mostTopics,
    };
    return { map, schemas };
  }
}
