import { createCursorsOf, createStreams } from '@hookcast/log';
import { Topic, type SchemaMode } from '@hookcast/database';
import { compilePattern } from '@hookcast/protocol';
import type { EntityManager } from 'typeorm';
import { isReserved, meansReserved } from '../announcements/operational-topics.js';
import { callerNamespace } from '../auth/namespace.js';
import { touchesOf } from '../control/touches.js';
import { possibleSubscribers } from './topic-figures-store.js';

export interface NewTopic {
  name: string;
  partitions: number;
  retentionDays: number | null;
  schema: Record<string, unknown> | null;
  schemaMode: SchemaMode;
}

export function plainTopic(name: string, partitions: number): NewTopic {
  return { name, partitions, retentionDays: null, schema: null, schemaMode: 'off' };
}

/** Makes a topic with its streams, inside a control change. Subscriptions that match it start at its beginning. */
export async function createTopic(tx: EntityManager, wanted: NewTopic, now: Date): Promise<Topic> {
  const topic = await tx.save(
    tx.create(Topic, { ...wanted, namespace: callerNamespace(), createdAt: now, updatedAt: now }),
  );
  touchesOf(tx).topic(topic.id);
  await createStreams(tx, topic.id, { from: 0, to: topic.partitions });
  await coverTopic(tx, topic);
  return topic;
}

/** Finds the topic or makes it. Safe against another creator, since control changes run one after the other. */
export async function ensureTopic(tx: EntityManager, wanted: NewTopic, now: Date): Promise<Topic> {
  const existing = await tx.findOneBy(Topic, { namespace: callerNamespace(), name: wanted.name });
  touchesOf(tx).nothing();
  return existing ?? createTopic(tx, wanted, now);
}

/** Gives every matching subscription a cursor on every stream of the topic that it has none on yet. */
export async function coverTopic(tx: EntityManager, topic: Pick<Topic, 'id' | 'name'>): Promise<void> {
  const subscriptions = await possibleSubscribers(tx, callerNamespace(), [topic.name]);
  const subscriptionIds = subscriptions.filter(({ topics }) => matchesAny(topics, topic.name)).map(({ id }) => id);
  if (subscriptionIds.length === 0) return;
  await createCursorsOf(tx, { subscriptionIds, topicIds: [topic.id], start: { kind: 'earliest' } });
}

/** A wildcard leaves out the topics of operational events, unless the pattern names them itself, like `hookcast.**`. */
export function matchesAny(patterns: readonly string[], topic: string): boolean {
  return topicTest(patterns)(topic);
}

/** `matchesAny` for many topics: the patterns are compiled once. */
export function topicTest(patterns: readonly string[]): (topic: string) => boolean {
  const tests = patterns.map((pattern) => ({ matches: compilePattern(pattern), isMeant: meansReserved(pattern) }));
  return (topic) => {
    const isReservedTopic = isReserved(topic);
    return tests.some(({ matches, isMeant }) => (isMeant || !isReservedTopic) && matches(topic));
  };
}
