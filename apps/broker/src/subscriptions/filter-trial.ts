import { setImmediate } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Topic } from '@hookcast/database';
import { eventView } from '@hookcast/delivery';
import { compileFilter, type Filter } from '@hookcast/filter';
import { formatPosition, TopicLog, type StoredEvent, type TopicStart } from '@hookcast/log';
import { Repository } from 'typeorm';
import { callerNamespace } from '../auth/namespace.js';
import { topicStart } from '../events/topic-start.js';
import { invalid } from '../http/validation.js';
import { matchesAny } from '../topics/topic-creation.js';
import { TopicDirectory } from '../topics/topic-directory.js';
import type { MatchedEvent, MatchRequest, MatchResponse } from './filter-trial.dto.js';
import { filterFault } from './subscription-declarations.js';
import { SubscriptionsService } from './subscriptions.service.js';

const defaultEvents = 100;
/** Topics that one trial reads; a pattern may match thousands. */
const maxTopics = 50;
/** Events read at a time, so that large data stays bounded. */
const pageEvents = 50;

/** Tries a filter on past events, without sending anything. */
@Injectable()
export class FilterTrial {
  constructor(
    @InjectRepository(Topic) private readonly topics: Repository<Topic>,
    private readonly subscriptions: SubscriptionsService,
    private readonly directory: TopicDirectory,
    private readonly log: TopicLog,
  ) {}

  /** @throws Problem subscription-not-found, validation-failed */
  async run(name: string, request: MatchRequest): Promise<MatchResponse> {
    const subscription = await this.subscriptions.find(name);
    const filter = compiled(request.filter === undefined ? subscription.filter : request.filter);
    const { limit = defaultEvents } = request;
    const items: MatchedEvent[] = [];
    for (const topic of await this.matchingTopics(subscription.topics)) {
      for await (const event of this.events(topic, request.from, limit - items.length))
        items.push(judged(event, filter));
      if (items.length >= limit) break;
    }
    return { scanned: items.length, matched: items.filter(({ matched }) => matched).length, items };
  }

  private async matchingTopics(patterns: readonly string[]): Promise<string[]> {
    const all = await this.topics.find({
      where: { namespace: callerNamespace() },
      select: { name: true },
      order: { name: 'asc' },
    });
    return all.flatMap(({ name }) => (matchesAny(patterns, name) ? [name] : [])).slice(0, maxTopics);
  }

  private async *events(name: string, from: string | undefined, limit: number): AsyncGenerator<StoredEvent> {
    const topic = await this.directory.find({ namespace: callerNamespace(), name });
    if (!topic) return;
    const start: TopicStart = topicStart(topic, { after: undefined, from });
    let cursor = await this.log.begin(topic, start);
    for (let left = limit; left > 0;) {
      const page = await this.log.read(topic, cursor, { events: Math.min(left, pageEvents) });
      if (page.events.length === 0) return;
      yield* page.events;
      cursor = page.next;
      left -= page.events.length;
      // A page of costly evaluations must not keep publishers waiting.
      await setImmediate();
    }
  }
}

function compiled(text: string | null): Filter | undefined {
  const detail = filterFault(text);
  if (detail !== undefined) throw invalid([{ pointer: '/filter', detail }]);
  if (text === null) return undefined;
  const result = compileFilter(text);
  return result.kind === 'ok' ? result.filter : undefined;
}

function judged(event: StoredEvent, filter: Filter | undefined): MatchedEvent {
  const { id, topic } = event;
  const verdict = filter?.matches(eventView(event)) ?? { kind: 'match' };
  const item = { id, topic, position: formatPosition(event.streamId, event.seq), matched: verdict.kind === 'match' };
  return verdict.kind === 'error' ? { ...item, reason: `no match because ${verdict.detail}` } : item;
}
