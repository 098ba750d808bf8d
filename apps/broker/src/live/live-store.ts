import { rows, type SqlSource } from '@hookcast/database';
import type { LiveSample } from './live-changes.js';

interface StatsRow {
  subscription_id: number;
  minute: Date;
  delivered: string;
  failed: string;
  dead: string;
}

/** A look at a namespace: heads, states and counts of minutes. Its cost does not grow with the number of events. */
export async function liveSample(source: SqlSource, namespace: string, since: Date): Promise<LiveSample> {
  const [topics, subscriptions] = await Promise.all([
    rows<{ name: string; head: string }>(
      source,
      /* sql */ `
      select t.name, sum(s.head_seq) as head from topics t join streams s on s.topic_id = t.id
       where t.namespace = $1 group by t.name`,
      [namespace],
    ),
    rows<{ id: number; name: string; state: string; reason: string | null }>(
      source,
      /* sql */ `select id, name, state, state_reason as reason from subscriptions where namespace = $1`,
      [namespace],
    ),
  ]);
  const names = new Map(subscriptions.map(({ id, name }) => [id, name]));
  const stats = await minuteStats(source, [...names.keys()], since);
  return {
    heads: new Map(topics.map(({ name, head }) => [name, Number(head)])),
    states: new Map(subscriptions.map(({ name, state, reason }) => [name, { state, reason }])),
    attempts: stats.map(({ subscription_id: id, minute, delivered, failed, dead }) => ({
      subscription: names.get(id) ?? '',
      minute: minute.getTime(),
      delivered: Number(delivered),
      failed: Number(failed),
      dead: Number(dead),
    })),
  };
}

/** Index: primary key of delivery_stats. */
async function minuteStats(source: SqlSource, ids: readonly number[], since: Date): Promise<StatsRow[]> {
  return rows(
    source,
    /* sql */ `
    select subscription_id, minute, sum(delivered) as delivered, sum(failed) as failed, sum(dead) as dead
      from delivery_stats where subscription_id = any($1::int[]) and minute >= $2
     group by subscription_id, minute`,
    [ids, since],
  );
}
