import { isDeepStrictEqual } from 'node:util';
import { Inject, Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Topic } from '@hookcast/database';
import { createStreams, deleteStreams } from '@hookcast/log';
import { MoreThan, Repository, type EntityManager } from 'typeorm';
import { callerNamespace } from '../auth/namespace.js';
import { ControlPlane } from '../control/control-plane.js';
import { touchesOf } from '../control/touches.js';
import { cursorKey, defaultLimit, pageOf, type Page, type PageQuery } from '../http/page.js';
import { Problem } from '../http/problem.js';
import { invalid } from '../http/validation.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import { widenings } from '../schemas/schema-compatibility.js';
import { coverTopic, createTopic, matchesAny } from './topic-creation.js';
import { possibleSubscribers } from './topic-figures-store.js';
import { TopicFiguresReader } from './topic-figures.js';
import { toTopicResponse, type PutTopicRequest, type PutTopicResponse, type TopicResponse } from './topic.dto.js';

@Injectable()
export class TopicsService {
  constructor(
    @InjectRepository(Topic) private readonly topics: Repository<Topic>,
    @Inject(RUNTIME) private readonly runtime: Runtime,
    private readonly control: ControlPlane,
    private readonly figures: TopicFiguresReader,
  ) {}

  /** @param isDryRun says what would become of it, and changes nothing */
  async put(
    name: string,
    request: PutTopicRequest,
    isDryRun = false,
  ): Promise<{ created: boolean; topic: PutTopicResponse }> {
    const existing = await this.topics.findOneBy({ namespace: callerNamespace(), name });
    if (isDryRun) return this.rehearse(name, request, existing);
    if (existing && isMet(existing, request)) return { created: false, topic: await this.response(existing) };
    const { created, topic, before } = await this.control.change(async (tx) => this.apply(tx, name, request));
    return { created, topic: withSchemaChange(await this.response(topic), before) };
  }

  async get(name: string): Promise<TopicResponse> {
    // Alone, each of the two confined statements would be a transaction: three round trips.
    return this.topics.manager.transaction(async (tx) => this.response(await this.find(name, tx), tx));
  }

  async list({ limit = defaultLimit, cursor }: PageQuery): Promise<Page<TopicResponse>> {
    const [after = ''] = cursorKey(cursor, ['string']) ?? [];
    const found = await this.topics.find({
      where: { namespace: callerNamespace(), name: MoreThan(String(after)) },
      order: { name: 'asc' },
      take: limit + 1,
    });
    const page = pageOf(found, limit, ({ name }) => [name]);
    const figures = await this.figures.of(page.items);
    const items = page.items.map((topic) => toTopicResponse(topic, figures(topic), this.runtime.config.retentionDays));
    return { items, nextCursor: page.nextCursor };
  }

  async delete(name: string, force: boolean): Promise<void> {
    await this.find(name);
    await this.control.change(async (tx) => {
      const topic = await tx.findOneBy(Topic, { namespace: callerNamespace(), name });
      if (!topic) throw notFound(name);
      if (!force) await refuseWhileSubscribed(tx, name);
      touchesOf(tx).topic(topic.id);
      await deleteStreams(tx, topic.id);
      await tx.delete(Topic, { id: topic.id });
    });
  }

  private async find(name: string, source = this.topics.manager): Promise<Topic> {
    const topic = await source.findOneBy(Topic, { namespace: callerNamespace(), name });
    if (!topic) throw notFound(name);
    return topic;
  }

  private async apply(
    tx: EntityManager,
    name: string,
    request: PutTopicRequest,
  ): Promise<{ created: boolean; topic: Topic; before: Schema | null }> {
    const now = this.runtime.clock.now();
    const existing = await tx.findOneBy(Topic, { namespace: callerNamespace(), name });
    const before = existing?.schema ?? null;
    if (existing) return { created: false, before, topic: await replaceTopic(tx, existing, request, now) };
    const partitions = request.partitions ?? this.runtime.config.defaultPartitions;
    return { created: true, before, topic: await createTopic(tx, { name, partitions, ...declared(request) }, now) };
  }

  private async rehearse(
    name: string,
    request: PutTopicRequest,
    existing: Topic | null,
  ): Promise<{ created: boolean; topic: PutTopicResponse }> {
    const now = this.runtime.clock.now();
    const partitions = request.partitions ?? existing?.partitions ?? this.runtime.config.defaultPartitions;
    refuseFewerPartitions(existing?.partitions ?? 1, partitions);
    const plain = { id: 0, namespace: callerNamespace(), name, createdAt: now };
    const topic = Object.assign(new Topic(), plain, existing, declared(request), { partitions, updatedAt: now });
    return {
      created: existing === null,
      topic: withSchemaChange(await this.response(topic), existing?.schema ?? null),
    };
  }

  private async response(topic: Topic, source = this.topics.manager): Promise<TopicResponse> {
    const figures = await this.figures.of([topic], source);
    return toTopicResponse(topic, figures(topic), this.runtime.config.retentionDays);
  }
}

type Schema = Record<string, unknown>;

/** A PUT replaces, except that the number of partitions stays when it is left out. */
function declared(request: PutTopicRequest): Pick<Topic, 'retentionDays' | 'schema' | 'schemaMode'> {
  return {
    retentionDays: request.retentionDays ?? null,
    schema: request.schema ?? null,
    schemaMode: request.schemaMode ?? 'off',
  };
}

function isMet(topic: Topic, request: PutTopicRequest): boolean {
  const wanted = declared(request);
  return (
    (request.partitions ?? topic.partitions) === topic.partitions &&
    wanted.retentionDays === topic.retentionDays &&
    wanted.schemaMode === topic.schemaMode &&
    isDeepStrictEqual(wanted.schema, topic.schema)
  );
}

async function replaceTopic(tx: EntityManager, topic: Topic, request: PutTopicRequest, now: Date): Promise<Topic> {
  const before = topic.partitions;
  const partitions = request.partitions ?? before;
  refuseFewerPartitions(before, partitions);
  touchesOf(tx).topic(topic.id);
  const saved = await tx.save(Object.assign(topic, declared(request), { partitions, updatedAt: now }));
  if (partitions > before) {
    await createStreams(tx, topic.id, { from: before, to: partitions });
    await coverTopic(tx, topic);
  }
  return saved;
}

function refuseFewerPartitions(before: number, partitions: number): void {
  if (partitions >= before) return;
  throw invalid([{ pointer: '/partitions', detail: `must not be less than ${before}: partitions hold events` }]);
}

/** Adds what the new schema lets through that the old one did not, and who may not be ready for it. */
function withSchemaChange(topic: TopicResponse, before: Schema | null): PutTopicResponse {
  const found = widenings(before, topic.schema);
  if (found.length === 0) return topic;
  return Object.assign(topic, { schemaChange: { widenings: found, subscriptions: topic.subscriptions } });
}

async function refuseWhileSubscribed(tx: EntityManager, name: string): Promise<void> {
  const subscriptions = await possibleSubscribers(tx, callerNamespace(), [name]);
  const matching = subscriptions.filter(({ topics }) => matchesAny(topics, name)).map((one) => one.name);
  if (matching.length > 0) {
    throw new Problem('topic-in-use', {
      detail: `These subscriptions receive it: ${matching.slice(0, 10).join(', ')}.`,
    });
  }
}

function notFound(name: string): Problem {
  return new Problem('topic-not-found', { detail: `No topic is named "${name}".` });
}
