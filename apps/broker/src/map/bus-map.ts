import type { ApiKey, Source, Subscription } from '@hookcast/database';
import { isReserved } from '../announcements/operational-topics.js';
import { grantsOf } from '../auth/scope.js';
import { topicTest } from '../topics/topic-creation.js';
import type { MapPublisher, MapTopic } from './map.dto.js';

/** Of one namespace. */
export interface BusParts {
  topics: readonly string[];
  /** Those that work. */
  keys: readonly Pick<ApiKey, 'name' | 'scopes'>[];
  sources: readonly Pick<Source, 'name' | 'topic' | 'sender'>[];
  subscriptions: readonly Pick<Subscription, 'name' | 'service' | 'topics' | 'state' | 'filter'>[];
}

/** Who may publish to each topic and who subscribes to it. Pure. */
export function busMap({ topics, keys, sources, subscriptions }: BusParts): MapTopic[] {
  const writers = keys.map(({ name, scopes }) => ({ name, reaches: topicTest(grantsOf(scopes).publish) }));
  const inlets = sources.map((source) => ({ name: source.name, makes: sourceTest(source) }));
  const readers = subscriptions.map((one) => ({ ...one, receives: topicTest(one.topics) }));
  const publishersOf = (topic: string): MapPublisher[] =>
    isReserved(topic)
      ? [{ kind: 'broker', name: 'hookcast' }]
      : [
          ...writers.filter(({ reaches }) => reaches(topic)).map(({ name }) => ({ kind: 'key' as const, name })),
          ...inlets.filter(({ makes }) => makes(topic)).map(({ name }) => ({ kind: 'source' as const, name })),
        ];
  return topics.map((name) => ({
    name,
    publishers: publishersOf(name),
    subscriptions: readers
      .filter(({ receives }) => receives(name))
      .map(({ name: subscription, service, state, filter }) => ({
        name: subscription,
        service,
        state,
        isFiltered: filter !== null,
      })),
  }));
}

/** Whether events of a source can come to a topic. A type may be anything. */
function sourceTest({ topic, sender }: Pick<Source, 'topic' | 'sender'>): (name: string) => boolean {
  const [before = '', ...rest] = topic.replaceAll('{sender}', sender).split('{type}');
  const after = rest.at(-1);
  if (after === undefined) return (name) => name === before;
  const least = before.length + after.length;
  return (name) => name.length > least && name.startsWith(before) && name.endsWith(after);
}
