import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Appender, type NewEvent } from '@hookcast/log';
import type pg from 'pg';
import { Pulse } from '../control/pulse.js';
import { DATA_POOL, RUNTIME, type Runtime } from '../runtime.js';
import { StorageGuard } from '../storage/storage-guard.js';
import { TopicDirectory } from '../topics/topic-directory.js';
import {
  forgetAnnouncements,
  markAnnounced,
  unannouncedDeaths,
  waitingAnnouncements,
  type Announcement,
  type UnannouncedDeath,
} from './announcement-store.js';
import { isReserved, operationalTopics } from './operational-topics.js';

const atOnce = 200;

type Told = Omit<Announcement, 'created_at'> & { at: Date };

/**
 * Publishes what was written down to be told: first to the log, then it is forgotten. A crash in between publishes it
 * again under the same id, which the log recognises, as it does when two processes tell of the same.
 */
@Injectable()
export class Announcer implements OnApplicationBootstrap, OnModuleDestroy {
  private stopListening: (() => void) | undefined;
  private running: Promise<unknown> | undefined;

  constructor(
    @Inject(DATA_POOL) private readonly pool: pg.Pool,
    @Inject(RUNTIME) private readonly runtime: Runtime,
    private readonly directory: TopicDirectory,
    private readonly appender: Appender,
  ) {}

  @Inject() private readonly storage!: StorageGuard;
  @Inject() private readonly pulse!: Pulse;

  onApplicationBootstrap(): void {
    this.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.stop();
  }

  start(): void {
    this.stopListening = this.pulse.listen(({ hasNews }) => hasNews && void this.tick());
  }

  async runOnce(): Promise<{ published: number }> {
    // Space is for what services publish; what waits here is not lost.
    if (this.storage.status.state.kind === 'full') return { published: 0 };
    const waiting = await waitingAnnouncements(this.pool, atOnce);
    const told = await this.publish(waiting.map(({ created_at: at, ...rest }) => ({ ...rest, at })));
    if (told.done.size > 0) await forgetAnnouncements(this.pool, [...told.done]);
    return { published: told.published + (await this.tellOfDeaths()) };
  }

  async stop(): Promise<void> {
    this.stopListening?.();
    await this.running;
  }

  /** A dead delivery of an operational event is told to nobody: who cannot take the news would make more of it. */
  private async tellOfDeaths(): Promise<number> {
    const deaths = await unannouncedDeaths(this.pool, atOnce);
    if (deaths.length === 0) return 0;
    const news = deaths.filter(({ topic }) => !isReserved(topic));
    const { done, published } = await this.publish(news.map(toTold));
    const over = deaths.filter((one) => isReserved(one.topic) || done.has(deathId(one)));
    if (over.length > 0) await markAnnounced(this.pool, over);
    return published;
  }

  /** Into topics that are there: somebody has asked for them. `done` are the ids that need no more telling. */
  private async publish(all: readonly Told[]): Promise<{ done: Set<string>; published: number }> {
    const done = new Set<string>();
    let published = 0;
    for (const { namespace, name, group } of byTopic(all)) {
      const topic = await this.directory.find({ namespace, name });
      const result = topic && (await this.appender.append(topic, group.map(toEvent)));
      if (result?.kind === 'unavailable') continue;
      if (result?.kind === 'unknown-topic') this.directory.forget({ namespace, name });
      if (result?.kind === 'appended') published += group.length;
      for (const { id } of group) done.add(id);
    }
    return { done, published };
  }

  private async tick(): Promise<void> {
    this.running ??= this.runOnce()
      .catch((error: unknown) => this.runtime.log.debug({ err: error }, 'announcements.failed'))
      .finally(() => (this.running = undefined));
    await this.running;
  }
}

function byTopic(all: readonly Told[]): { namespace: string; name: string; group: Told[] }[] {
  const groups = new Map<string, { namespace: string; name: string; group: Told[] }>();
  for (const one of all) {
    const { namespace, topic: name } = one;
    const key = `${namespace}/${name}`;
    const found = groups.get(key) ?? { namespace, name, group: [] };
    found.group.push(one);
    groups.set(key, found);
  }
  return [...groups.values()];
}

/** Keyed by what it is about, so that what happened to one subscription is told in order. */
function toEvent({ id, topic, subject, data, at }: Told): NewEvent {
  return {
    id,
    type: topic,
    source: '/hookcast',
    ...(subject !== null && { subject, key: subject }),
    contentType: 'application/json',
    attributes: { time: at.toISOString() },
    data: Buffer.from(JSON.stringify({ ...data, at: at.toISOString() })),
  };
}

function deathId({ subscription_id, stream_id, seq, dead_at }: UnannouncedDeath): string {
  return `dead-${subscription_id}-${stream_id}-${seq}-${dead_at.getTime()}`;
}

function toTold(death: UnannouncedDeath): Told {
  const { namespace, subscription, event_id: eventId, topic, stream_id, seq, reason, error, attempts } = death;
  const position = `${stream_id}:${seq}`;
  const data = { subscription, eventId, topic, position, reason, error, status: death.http_status, attempts };
  return {
    id: deathId(death),
    namespace,
    topic: operationalTopics.dead,
    subject: subscription,
    data,
    at: death.dead_at,
  };
}
