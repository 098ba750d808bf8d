import type { JSX } from 'preact';
import { segment } from '../api/client.js';
import type { BlockedKey, DeliveryMinute, Subscription } from '../api/model.js';
import { linkTo } from '../page/place.js';
import { useLoaded } from '../page/use-loaded.js';
import { useNow } from '../page/use-now.js';
import type { ViewProps } from '../page/view-props.js';
import { HourChart } from '../parts/hour-chart.js';
import { Kind } from '../parts/kind.js';
import { Moment } from '../parts/moment.js';
import { LoadedView } from '../parts/states.js';
import { Table } from '../parts/table.js';
import { flowWords } from '../words/flow.js';
import { count, duration, percent } from '../words/quantities.js';
import { age, spoken } from '../words/times.js';
import { Deliveries, Retrying } from './deliveries.js';
import { SubscriptionActions } from './subscription-actions.js';
import { SubscriptionSettings } from './subscription-settings.js';

/** One subscription: how it is doing and why, what was sent, and what may be done about it. */
export function SubscriptionView({ place }: ViewProps): JSX.Element {
  const name = place.path[1] ?? '';
  const { state, reload } = useLoaded<Subscription>(`subscription ${name}`, (client, signal) =>
    client.get(`subscriptions/${segment(name)}`, {}, signal),
  );
  return (
    <>
      <p class="crumbs">
        <a href={linkTo(['subscriptions'])}>Subscriptions</a>
      </p>
      <h1>{name}</h1>
      <LoadedView state={state} reload={reload}>
        {(subscription) => (
          <>
            <Standing subscription={subscription} />
            <SubscriptionActions subscription={subscription} onDone={reload} />
            <Figures subscription={subscription} />
            <LastHour name={name} />
            {subscription.blockedKeys.length > 0 && <BlockedKeys keys={subscription.blockedKeys} />}
            <Retrying name={name} />
            <SubscriptionSettings subscription={subscription} />
            <Deliveries name={name} place={place} />
          </>
        )}
      </LoadedView>
    </>
  );
}

function Standing({ subscription }: { subscription: Subscription }): JSX.Element {
  const now = useNow();
  const { state, troubles } = subscription;
  const tone = troubles.length === 0 ? 'good' : 'warn';
  return (
    <div class={`health ${tone}`}>
      <Kind name={state} />
      {troubles.length === 0 && <span>It gets its events as they come.</span>}
      {troubles.map(({ kind, reason }) => (
        <p key={kind}>
          {kind !== state && <Kind name={kind} />}
          {spoken(reason, now)}
        </p>
      ))}
      {flowWords(subscription, now).map((words) => (
        <p key={words}>{words}</p>
      ))}
    </div>
  );
}

function Figures({ subscription }: { subscription: Subscription }): JSX.Element {
  const now = useNow();
  const { backlog, oldestPendingAt, successRate, p95Ms, inFlight, window } = subscription;
  const figures = [
    ['Backlog', count(backlog)],
    ['Oldest pending', age(oldestPendingAt, now)],
    ['Success, last hour', successRate === null ? '–' : percent(successRate)],
    ['p95, last hour', p95Ms === null ? '–' : duration(p95Ms)],
    ['In flight', count(inFlight)],
    ['Window of a worker', window === null ? '–' : count(window)],
    ['Kept back by its filter', count(subscription.filtered)],
    ['Left out by seeks', count(subscription.skipped)],
    ['Expired unsent', count(subscription.expired)],
  ] as const;
  return (
    <dl class="figures">
      {figures.map(([title, value]) => (
        <div key={title}>
          <dt>{title}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function LastHour({ name }: { name: string }): JSX.Element {
  const { state, reload } = useLoaded<{ items: DeliveryMinute[] }>(`minutes ${name}`, (client, signal) =>
    client.get(`subscriptions/${segment(name)}/minutes`, { limit: 60 }, signal),
  );
  return (
    <LoadedView state={state} reload={reload}>
      {({ items }) => <HourChart minutes={items} label="Last hour" />}
    </LoadedView>
  );
}

function BlockedKeys({ keys }: { keys: readonly BlockedKey[] }): JSX.Element {
  return (
    <section>
      <h2>Blocked keys</h2>
      <Table
        caption="Keys whose later events wait for a failing one"
        rows={keys}
        keyOf={({ position }) => position}
        columns={[
          { title: 'Key', cell: ({ key }) => key ?? 'the whole stream' },
          {
            title: 'Waits behind',
            cell: ({ eventId, position }) =>
              eventId === null ? position : <a href={linkTo(['events', eventId])}>{eventId}</a>,
          },
          { title: 'Attempts', isFigure: true, cell: ({ attemptCount }) => count(attemptCount) },
          { title: 'Next attempt', cell: ({ nextAttemptAt }) => <Moment at={nextAttemptAt} /> },
          { title: 'Last error', cell: ({ lastError }) => lastError ?? '–' },
        ]}
      />
    </section>
  );
}
