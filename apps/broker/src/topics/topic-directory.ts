import { Inject, Injectable } from '@nestjs/common';
import type { TopicRef } from '@hookcast/log';
import type pg from 'pg';
import { inNamespace } from '../auth/namespace.js';
import { ControlPlane } from '../control/control-plane.js';
import { DATA_POOL, RUNTIME, type Runtime } from '../runtime.js';
import type { EventSchema } from '../schemas/event-schema.js';
import { SchemaCompiler } from '../schemas/schema-compiler.js';
import { findTopic, type StoredTopic, type TopicName } from './topic-directory-store.js';
import { ensureTopic, plainTopic } from './topic-creation.js';

export type { TopicName };

/** A topic to publish to and read from. */
export interface KnownTopic extends TopicRef {
  /** What its events must look like; undefined when nothing is checked. */
  schema?: EventSchema;
}

/** Finds topics by name for publishing and reading; every control change empties its cache. */
@Injectable()
export class TopicDirectory {
  private readonly known = new Map<string, KnownTopic>();
  private readonly creating = new Map<string, Promise<KnownTopic>>();
  private generation = 0;

  constructor(
    @Inject(DATA_POOL) private readonly pool: pg.Pool,
    @Inject(RUNTIME) private readonly runtime: Runtime,
    private readonly control: ControlPlane,
    private readonly schemas: SchemaCompiler,
  ) {
    control.onChange(() => this.forgetAll());
  }

  /** Without waiting: what publishing calls first. */
  cached(topic: TopicName): KnownTopic | undefined {
    return this.known.get(keyOf(topic));
  }

  async find(topic: TopicName): Promise<KnownTopic | undefined> {
    return this.cached(topic) ?? this.load(topic);
  }

  /** The topic, created if need be. Concurrent first publishes of one topic share one creation. */
  async findOrCreate(topic: TopicName): Promise<KnownTopic> {
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

  private async create(topic: TopicName): Promise<KnownTopic> {
    const wanted = plainTopic(topic.name, this.runtime.config.defaultPartitions);
    await inNamespace(topic.namespace, async () =>
      this.control.change((tx) => ensureTopic(tx, wanted, this.runtime.clock.now())),
    );
    const created = await this.load(topic);
    if (!created) throw new Error(`Topic ${topic.name} vanished right after it was created.`);
    return created;
  }

  private async load(topic: TopicName): Promise<KnownTopic | undefined> {
    const generation = this.generation;
    const stored = await findTopic(this.pool, topic, this.runtime.config.retentionDays);
    const found = stored && this.withSchema(stored);
    // A change that came while the row was on its way may have made it stale.
    if (found && generation === this.generation) this.known.set(keyOf(topic), found);
    return found;
  }

  private withSchema({ ref, schema, schemaMode }: StoredTopic): KnownTopic {
    if (schema === null || schemaMode === 'off') return ref;
    const compiled = this.schemas.compile(schema);
    if (compiled.kind === 'compiled') return { ...ref, schema: { mode: schemaMode, validate: compiled.validate } };
    // It was checked when it was saved, so this is a schema that another version of the broker took.
    const { detail } = compiled;
    this.runtime.log.error({ topic: ref.name, detail }, 'topic.schema-unusable');
    return {
      ...ref,
      schema: { mode: schemaMode, validate: () => ({ pointer: '', detail: `cannot be checked: ${detail}` }) },
    };
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
