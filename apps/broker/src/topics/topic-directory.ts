import { Inject, Injectable } from '@nestjs/common';
import type { TopicRef } from '@hookcast/log';
import type pg from 'pg';
import { inNamespace } from '../auth/namespace.js';
import { ControlPlane } from '../control/control-plane.js';
import { DATA_POOL, RUNTIME, type Runtime } from '../runtime.js';
import { findTopicRef, type TopicName } from './topic-directory-store.js';
import { ensureTopic, plainTopic } from './topic-creation.js';

export type { TopicName };

/** Finds topics by name for publishing and reading; every control change empties its cache. */
@Injectable()
export class TopicDirectory {
  private readonly known = new Map<string, TopicRef>();
  private readonly creating = new Map<string, Promise<TopicRef>>();
  private generation = 0;

  constructor(
    @Inject(DATA_POOL) private readonly pool: pg.Pool,
    @Inject(RUNTIME) private readonly runtime: Runtime,
    private readonly control: ControlPlane,
  ) {
    control.onChange(() => this.forgetAll());
  }

  /** Without waiting: what publishing calls first. */
  cached(topic: TopicName): TopicRef | undefined {
    return this.known.get(keyOf(topic));
  }

  async find(topic: TopicName): Promise<TopicRef | undefined> {
    return this.cached(topic) ?? this.load(topic);
  }

  /** The topic, created if need be. Concurrent first publishes of one topic share one creation. */
  async findOrCreate(topic: TopicName): Promise<TopicRef> {
    const found = await this.find(topic);
    if (found) return found;
    const key = keyOf(topic);
    const pending = this.creating.get(key) ?? this.create(topic).finally(() => this.creating.delete(key));
    this.creating.set(key, pending);
    return pending;
  }

  forget(topic: TopicName): void {
    this.known.delete(keyOf(topic));
  }

  private async create(topic: TopicName): Promise<TopicRef> {
    const wanted = plainTopic(topic.name, this.runtime.config.defaultPartitions);
    await inNamespace(topic.namespace, async () =>
      this.control.change((tx) => ensureTopic(tx, wanted, this.runtime.clock.now())),
    );
    const created = await this.load(topic);
    if (!created) throw new Error(`Topic ${topic.name} vanished right after it was created.`);
    return created;
  }

  private async load(topic: TopicName): Promise<TopicRef | undefined> {
    const generation = this.generation;
    const found = await findTopicRef(this.pool, topic, this.runtime.config.retentionDays);
    // A change that came while the row was on its way may have made it stale.
    if (found && generation === this.generation) this.known.set(keyOf(topic), found);
    return found;
  }

  private forgetAll(): void {
    this.generation += 1;
    this.known.clear();
  }
}

/** Neither part has a slash. */
function keyOf({ namespace, name }: TopicName): string {
  return `${namespace}/${name}`;
}
