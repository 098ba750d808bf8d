import { rows, type SqlSource } from '@hookcast/database';
import { operationalTopics } from './operational-topics.js';

export interface Announcement {
  id: string;
  namespace: string;
  topic: string;
  subject: string | null;
  data: Record<string, unknown>;
  created_at: Date;
}

/**
 * Writes down every state of a subscription that differs from the one told of last. Part of each control change, so that
 * a change and its announcement are there together or not at all. Pausing is somebody's own doing and told to nobody.
 * Confined like the change itself.
 *
 * @param ids of those that may have changed (index: primary key); a scan of all subscriptions when that is not known
 */
export async function announceStates(transaction: SqlSource, now: Date, ids?: readonly number[]): Promise<void> {
  if (ids?.length === 0) return;
  await rows(
    transaction,
    /* sql */ `
    with moved as (
      update subscriptions s set announced_state = s.state from subscriptions before
       where before.id = s.id and s.state <> s.announced_state and ($2::int[] is null or s.id = any($2))
      returning s.namespace, s.name, s.state, s.state_reason, before.announced_state as previous
    )
    insert into announcements (id, namespace, topic, subject, data, created_at)
    select gen_random_uuid()::text, namespace,
           case state when 'active' then '${operationalTopics.resumed}' else 'hookcast.subscription.' || state end, name,
           jsonb_build_object('subscription', name, 'state', state, 'previousState', previous, 'reason', state_reason), $1
      from moved where state <> 'paused'`,
    [now, ids ?? null],
  );
}

export async function announce(
  transaction: SqlSource,
  { id, namespace, topic, subject, data, created_at }: Announcement,
): Promise<void> {
  await rows(
    transaction,
    /* sql */ `
    insert into announcements (id, namespace, topic, subject, data, created_at)
    values ($1, $2, $3, $4, $5::jsonb, $6)`,
    [id, namespace, topic, subject, JSON.stringify(data), created_at],
  );
}

/** The oldest that wait. The table holds nothing else. */
export async function waitingAnnouncements(source: SqlSource, limit: number): Promise<Announcement[]> {
  return rows(
    source,
    /* sql */ `
    select id, namespace, topic, subject, data, created_at from announcements order by created_at, id limit $1`,
    [limit],
  );
}

/** Index: primary key. */
export async function forgetAnnouncements(source: SqlSource, ids: readonly string[]): Promise<void> {
  await rows(source, /* sql */ `delete from announcements where id = any($1::text[])`, [ids]);
}

export interface UnannouncedDeath {
  stream_id: number;
  subscription_id: number;
  seq: string;
  dead_at: Date;
  /** With its microseconds. */
  dead_text: string;
  reason: string;
  error: string | null;
  http_status: number | null;
  attempts: number;
  event_id: string;
  topic: string;
  namespace: string;
  subscription: string;
}

/** Index: dead_letters_unannounced. */
export async function unannouncedDeaths(source: SqlSource, limit: number): Promise<UnannouncedDeath[]> {
  return rows(
    source,
    /* sql */ `
    select d.stream_id, d.subscription_id, d.seq, d.dead_at, d.dead_at::text as dead_text, d.reason, d.error,
           d.http_status, d.attempts, d.event_id, d.topic, s.namespace, s.name as subscription
      from dead_letters d join subscriptions s on s.id = d.subscription_id
     where not d.announced order by d.stream_id limit $1`,
    [limit],
  );
}

/** Index: primary key. One that died again meanwhile stays to be told of. */
export async function markAnnounced(source: SqlSource, deaths: readonly UnannouncedDeath[]): Promise<void> {
  await rows(
    source,
    /* sql */ `
    update dead_letters d set announced = true
      from unnest($1::int[], $2::int[], $3::int8[], $4::timestamptz[]) as u(stream_id, subscription_id, seq, dead_at)
     where d.stream_id = u.stream_id and d.subscription_id = u.subscription_id and d.seq = u.seq
       and d.dead_at = u.dead_at`,
    [
      deaths.map((one) => one.stream_id),
      deaths.map((one) => one.subscription_id),
      deaths.map((one) => one.seq),
      deaths.map((one) => one.dead_text),
    ],
  );
}

/** Ids of all subscriptions, and of those whose high backlog was told of. A scan of a small table. */
export async function watchedSubscriptions(source: SqlSource): Promise<{ id: number; isHigh: boolean }[]> {
  return rows(source, /* sql */ `select id, backlog_high_at is not null as "isHigh" from subscriptions`);
}

/** Once per subscription until `backlogIsLow`, whoever else finds it. Index: primary key. */
export async function backlogIsHigh(
  source: SqlSource,
  { id, backlog, limit, now }: { id: number; backlog: number; limit: number; now: Date },
): Promise<void> {
  await rows(
    source,
    /* sql */ `
    with found as (
      update subscriptions set backlog_high_at = $2 where id = $1 and backlog_high_at is null returning namespace, name
    )
    insert into announcements (id, namespace, topic, subject, data, created_at)
    select gen_random_uuid()::text, namespace, '${operationalTopics.backlogHigh}', name,
           jsonb_build_object('subscription', name, 'backlog', $3::int8, 'limit', $4::int8), $2 from found`,
    [id, now, backlog, limit],
  );
}

/** Index: primary key. */
export async function backlogIsLow(source: SqlSource, id: number): Promise<void> {
  await rows(source, /* sql */ `update subscriptions set backlog_high_at = null where id = $1`, [id]);
}
