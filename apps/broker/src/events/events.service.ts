import { Inject, Injectable } from '@nestjs/common';
import { Appender, type AppendResult, type NewEvent, type TopicRef } from '@hookcast/log';
import { Problem } from '../http/problem.js';
import { invalid } from '../http/validation.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import { SchemaGate } from '../schemas/schema-gate.js';
import type { SchemaViolation } from '../schemas/event-schema.js';
import { StorageGuard } from '../storage/storage-guard.js';
import { TopicDirectory, type KnownTopic, type TopicName } from '../topics/topic-directory.js';
import { noPlaces, type PublishPlaces } from './publish-places.js';
import type { PublishReading } from './publish-reading.js';

export type Appended = Extract<AppendResult, { kind: 'appended' }>['events'];

export interface Published {
  appended: Appended;
  /** What is wrong with events that were stored all the same, since their topic only warns. */
  violations: readonly SchemaViolation[];
}

const dayMs = 86_400_000;

/** Publishes into topics, creating them at their first event where that is allowed. */
@Injectable()
export class EventsService {
  @Inject(StorageGuard) private readonly storage!: StorageGuard;

  constructor(
    private readonly appender: Appender,
    private readonly directory: TopicDirectory,
    private readonly gate: SchemaGate,
    @Inject(RUNTIME) private readonly runtime: Runtime,
  ) {}

  /** @throws Problem for everything but success */
  async publish(name: TopicName, { form, events, places }: PublishReading): Promise<Published> {
    const topic = this.directory.cached(name) ?? (await this.resolve(name));
    const violations = topic.schema === undefined ? [] : this.gate.check(name, topic.schema, events, form);
    const result = await this.appendTo(name, topic, events, places);
    return { appended: appended(result, { topic: name.name, events, places }), violations };
  }

  /**
   * Publishes what the broker itself has made, which no schema turns away.
   *
   * @throws Problem for everything but success
   */
  async store(name: TopicName, events: readonly NewEvent[]): Promise<Appended> {
    return appended(await this.append(name, events), { topic: name.name, events, places: noPlaces });
  }

  /**
   * Takes what a source has received, which a schema may not turn away.
   *
   * @throws Problem when the topic does not exist and may not be created
   */
  async append(name: TopicName, events: readonly NewEvent[]): Promise<AppendResult> {
    const topic = this.directory.cached(name) ?? (await this.resolve(name));
    if (topic.schema !== undefined) this.gate.observe(name, topic.schema, events);
    return this.appendTo(name, topic, events, noPlaces);
  }

  /** @throws Problem when there is no room, or a delivery is too far off */
  private async appendTo(
    name: TopicName,
    topic: KnownTopic,
    events: readonly NewEvent[],
    places: PublishPlaces,
  ): Promise<AppendResult> {
    this.storage.admit();
    this.refuseFarDeliveries(topic, events, places);
    const result = await this.appendOrAgain(name, topic, events);
    if (result.kind === 'appended') this.storage.added(events);
    else if (result.kind === 'unavailable' && result.isFull === true) this.storage.reportFull();
    return result;
  }

  private async appendOrAgain(name: TopicName, topic: KnownTopic, events: readonly NewEvent[]): Promise<AppendResult> {
    const result = await this.appender.append(topic, events);
    if (result.kind !== 'unknown-topic') return result;
    // Another process deleted the topic, and perhaps made it again, since it was looked up.
    this.directory.forget(name);
    return this.appender.append(await this.resolve(name), events);
  }

  private async resolve(name: TopicName): Promise<KnownTopic> {
    if (this.runtime.config.autoCreateTopics) return this.directory.findOrCreate(name);
    const found = await this.directory.find(name);
    if (!found) throw topicNotFound(name.name);
    return found;
  }

  /** A delayed event waits in the log, so it has to be due before its day is dropped. */
  private refuseFarDeliveries(topic: TopicRef, events: readonly NewEvent[], places: PublishPlaces): void {
    if (!events.some(({ deliverAt }) => deliverAt !== undefined)) return;
    const latest = this.runtime.clock.now().getTime() + topic.retentionDays * dayMs;
    const detail = `must not be later than the retention of ${topic.retentionDays} days`;
    const pointers = events.flatMap(({ deliverAt }, index) =>
      deliverAt !== undefined && deliverAt.getTime() > latest ? [places.deliverAt(index)] : [],
    );
    // `?delay=` is one fault, however many events it holds back.
    if (pointers.length > 0) throw invalid([...new Set(pointers)].map((pointer) => ({ pointer, detail })));
  }
}

interface Asked {
  topic: string;
  events: readonly NewEvent[];
  places: PublishPlaces;
}

function appended(result: AppendResult, { topic, events, places }: Asked): Appended {
  switch (result.kind) {
    case 'appended':
      return result.events;
    case 'conflict': {
      const errors = conflicting(result.ids, events).map((index) => ({
        pointer: places.id(index),
        detail: `${events[index]?.id} exists with other content`,
      }));
      throw new Problem('event-id-conflict', { errors });
    }
    case 'unavailable':
      throw new Problem('unavailable', {
        detail: result.reason,
        headers: { 'retry-after': String(result.retryAfterSeconds) },
      });
    case 'unknown-topic':
      throw topicNotFound(topic);
  }
}

/**
 * The events to blame. Of several of one id that is the later ones: the first may be sound, and a publisher that sends
 * the rest again learns whether it is.
 */
function conflicting(ids: readonly string[], events: readonly NewEvent[]): number[] {
  return ids
    .flatMap((wanted) => {
      const found = events.flatMap(({ id }, index) => (id === wanted ? [index] : []));
      return found.length > 1 ? found.slice(1) : found;
    })
    .toSorted((a, b) => a - b);
}

export function topicNotFound(name: string): Problem {
  return new Problem('topic-not-found', { detail: `No topic is named "${name}".` });
}
