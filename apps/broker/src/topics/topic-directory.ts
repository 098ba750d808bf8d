import { Inject, Injectable } from '@nestjs/common';
import type { TopicRef } from '@hookcast/log';
import type pg from 'pg';
import { ControlPlane, defaultNamespace } from '../control/control-plane.js';
import { DATA_POOL, RUNTIME, type Runtime } from '../runtime.js';
import { findTopicRef } from './topic-directory-store.js';
import { ensureTopic, plainTopic } from './topic-creation.js';

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
  cached(name: string): TopicRef | undefined {
    return this.known.get(name);
  }

  async find(name: string): Promise<TopicRef | undefined> {
    return this.known.get(name) ?? this.load(name);
  }

  /** The topic, created if need be. Concurrent first publishes of one topic share one creation. */
  async findOrCreate(name: string): Promise<TopicRef> {
    const found = await this.find(name);
    if (found) return found;
    const pending = this.creating.get(name) ?? this.create(name).finally(() => this.creating.delete(name));
    this.creating.set(name, pending);
    return pending;
  }

  forget(name: string): void {
    this.known.delete(name);
  }

  private async create(name: string): Promise<TopicRef> {
    await this.control.change((tx) =>
      ensureTopic(tx, plainTopic(name, this.runtime.config.defaultPartitions), this.runtime.clock.now()),
    );
    const created = await this.load(name);
    if (!created) throw new Error(`Topic ${name} vanished right after it was created.`);
    return created;
  }

  private async load(name: string): Promise<TopicRef | undefined> {
    const generation = this.generation;
    const found = await findTopicRef(
      this.pool,
      { namespace: defaultNamespace, name },
      this.runtime.config.retentionDays,
    );
    // A change that came while the row was on its way may have made it stale.
    if (found && generation === this.generation) this.known.set(name, found);
    return found;
  }

  private forgetAll(): void {
    this.generation += 1;
    this.known.clear();
  }
}
