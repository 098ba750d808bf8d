import type { DeadLetterResponse } from '../dead-letters/dead-letter.dto.js';
import type { OverviewResponse } from '../overview/overview.dto.js';
import type { SubscriptionResponse } from '../subscriptions/subscription-response.js';
import type { TopicResponse } from '../topics/topic.dto.js';
import { escapeHtml, htmlPage, table } from './html.js';

/** What somebody who is logged in sees. */
export interface DashboardFacts {
  keyName: string;
  csrfToken: string;
  overview: OverviewResponse;
  topics: readonly Pick<TopicResponse, 'name' | 'partitions' | 'retentionDays'>[];
  subscriptions: readonly Pick<
    SubscriptionResponse,
    'name' | 'service' | 'topics' | 'url' | 'state' | 'stateReason' | 'backlog' | 'oldestPendingAt' | 'successRate'
  >[];
  deadLetters: readonly Pick<
    DeadLetterResponse,
    'subscription' | 'topic' | 'eventId' | 'reason' | 'error' | 'attemptCount' | 'deadAt'
  >[];
}

/** The page of a session: everything in it is text, since names, URLs and errors are written by others. */
export function dashboard(facts: DashboardFacts): string {
  const { overview, topics, subscriptions, deadLetters } = facts;
  return htmlPage(`<header>
<h1>Hookcast</h1>
<form method="post" action="/session/end">
<input type="hidden" name="csrf" value="${escapeHtml(facts.csrfToken)}">
<span>Logged in with the key <strong>${escapeHtml(facts.keyName)}</strong></span> <button>Log out</button>
</form>
</header>
<h2>Overview</h2>
${table(['topics', 'subscriptions', 'events/s', 'backlog', 'oldest pending', 'workers'], [overviewRow(overview)], '')}
<h2>Subscriptions</h2>
${table(
  ['name', 'service', 'topics', 'hook', 'state', 'reason', 'backlog', 'oldest pending', 'success'],
  subscriptions.map((one) => [
    one.name,
    one.service ?? '',
    one.topics.join(' '),
    withoutQuery(one.url),
    one.state,
    one.stateReason ?? '',
    String(one.backlog),
    one.oldestPendingAt ?? '',
    percent(one.successRate),
  ]),
  'No subscription yet.',
)}
<h2>Dead letters</h2>
${table(
  ['subscription', 'topic', 'event', 'reason', 'error', 'attempts', 'at'],
  deadLetters.map((one) => [
    one.subscription,
    one.topic,
    one.eventId,
    one.reason,
    one.error ?? '',
    String(one.attemptCount),
    one.deadAt,
  ]),
  'None: everything was delivered or is still tried.',
)}
<h2>Topics</h2>
${table(
  ['name', 'partitions', 'days kept'],
  topics.map((one) => [one.name, String(one.partitions), String(one.retentionDays)]),
  'No topic yet.',
)}
<p><a href="/docs">API documentation</a></p>`);
}

function overviewRow({ topics, subscriptions, publishRate, backlog, oldestPendingAt, workers }: OverviewResponse) {
  const { active, paused, suspended, stale } = subscriptions;
  const states = `${active} active, ${paused} paused, ${suspended} suspended, ${stale} stale`;
  return [String(topics), states, publishRate.toFixed(1), String(backlog), oldestPendingAt ?? '', String(workers)];
}

/** The query of a hook URL is a secret as often as not. */
function withoutQuery(url: string): string {
  return url.replace(/\?.*$/s, '?…');
}

function percent(rate: number | null): string {
  return rate === null ? '' : `${(100 * rate).toFixed(1)} %`;
}
