import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { SqlSource, Topic } from '@hookcast/database';
import { formatPosition } from '@hookcast/log';
import type pg from 'pg';
import { DataSource } from 'typeorm';
import { callerNamespace } from '../auth/namespace.js';
import { DATA_POOL, RUNTIME, type Runtime } from '../runtime.js';
import { HeadRates } from './head-rates.js';
import { topicTest } from './topic-creation.js';
import { allHeads, headsOf, possibleSubscribers, streamFigures, type StreamFigures } from './topic-figures-store.js';

export interface TopicFigures {
  eventRate: number;
  bytes: number;
  headPositions: string[];
  subscriptions: string[];
  lastEventAt: string | null;
}

const sampleMs = 10_000;

/** How topics are doing. Samples all heads every ten seconds, from which rates come without counting events. */
@Injectable()
export class TopicFiguresReader implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly rates = new HeadRates();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(DATA_POOL) private readonly pool: pg.Pool,
    @Inject(RUNTIME) private readonly runtime: Runtime,
    private readonly dataSource: DataSource,
  ) {}

  onApplicationBootstrap(): void {
    this.start();
  }

  onModuleDestroy(): void {
    this.stop();
  }

  start(): void {
    void this.tick();
    this.timer = setInterval(() => void this.tick(), sampleMs).unref();
  }

  async runOnce(): Promise<{ streams: number }> {
    const heads = await allHeads(this.pool);
    this.rates.add(heads, this.runtime.clock.now().getTime());
    return { streams: heads.size };
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** Events a second over all topics of a namespace. */
  async totalRate(namespace: string): Promise<number> {
    return this.rates.rate(await headsOf(this.pool, namespace), this.runtime.clock.now().getTime());
  }

  /** @param source a transaction for the namespace of the caller, where one is open already */
  async of(
    topics: readonly Pick<Topic, 'id' | 'name'>[],
    source: SqlSource = this.dataSource.manager,
  ): Promise<(topic: Pick<Topic, 'id' | 'name'>) => TopicFigures> {
    const [streams, found] = await Promise.all([
      streamFigures(
        this.pool,
        topics.map(({ id }) => id),
      ),
      possibleSubscribers(
        source,
        callerNamespace(),
        topics.map(({ name }) => name),
      ),
    ]);
    const subscriptions = found.map((one) => ({ name: one.name, receives: topicTest(one.topics) }));
    return ({ id, name }) => ({
      ...this.figures(streams.filter(({ topicId }) => topicId === id)),
      subscriptions: subscriptions.filter(({ receives }) => receives(name)).map((one) => one.name),
    });
  }

  private figures(streams: readonly StreamFigures[]): Omit<TopicFigures, 'subscriptions'> {
    const heads = new Map(streams.map(({ streamId, headSeq }) => [streamId, headSeq]));
    const newest = Math.max(...streams.map(({ headAt }) => headAt?.getTime() ?? -Infinity));
    return {
      eventRate: this.rates.rate(heads, this.runtime.clock.now().getTime()),
      bytes: Math.round(streams.reduce((sum, { readable, meanBytes }) => sum + readable * meanBytes, 0)),
      headPositions: streams.map(({ streamId, headSeq }) => formatPosition(streamId, headSeq)),
      lastEventAt: Number.isFinite(newest) ? new Date(newest).toISOString() : null,
    };
  }

  private async tick(): Promise<void> {
    try {
      await this.runOnce();
    } catch (error) {
      this.runtime.log.debug({ err: error }, 'topics.sample-failed');
    }
  }
}
