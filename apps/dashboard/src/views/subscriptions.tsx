import type { JSX } from 'preact';
import type { Subscription } from '../api/model.js';
import type { ViewProps } from '../page/view-props.js';
import { linkTo } from '../page/place.js';
import { useNow } from '../page/use-now.js';
import { FilterForm } from '../parts/filter-form.js';
import { Kind } from '../parts/kind.js';
import { Paged } from '../parts/paged.js';
import { Table } from '../parts/table.js';
import { count, duration, percent } from '../words/quantities.js';
import { age, spoken } from '../words/times.js';

const fields = [
  { name: 'search', label: 'Name contains' },
  { name: 'state', label: 'State', options: ['active', 'paused', 'suspended', 'stale'] },
  { name: 'topic', label: 'Receives topic', placeholder: 'orders.created' },
  { name: 'service', label: 'Service' },
] as const;

/** All subscriptions, a page at a time. */
export function SubscriptionsView({ place }: ViewProps): JSX.Element {
  const { query } = place;
  return (
    <>
      <h1>Subscriptions</h1>
      <FilterForm place={place} fields={fields} />
      <Paged<Subscription>
        place={place}
        path="subscriptions"
        query={query}
        empty={Object.keys(query).length > 0 ? 'No subscription is like that.' : <HowToDeclare />}
      >
        {(items) => <List items={items} />}
      </Paged>
    </>
  );
}

function List({ items }: { items: readonly Subscription[] }): JSX.Element {
  const now = useNow();
  return (
    <Table
      caption="Subscriptions"
      rows={items}
      keyOf={({ name }) => name}
      columns={[
        { title: 'Name', cell: ({ name }) => <a href={linkTo(['subscriptions', name])}>{name}</a> },
        { title: 'Service', cell: ({ service }) => service ?? '–' },
        { title: 'Topics', cell: ({ topics }) => topics.join(' ') },
        { title: 'State', cell: (one) => <StateAndTrouble subscription={one} now={now} /> },
        { title: 'Backlog', isFigure: true, cell: ({ backlog }) => count(backlog) },
        { title: 'Oldest', isFigure: true, cell: ({ oldestPendingAt }) => age(oldestPendingAt, now) },
        {
          title: 'Success',
          isFigure: true,
          cell: ({ successRate }) => (successRate === null ? '–' : percent(successRate)),
        },
        { title: 'p95', isFigure: true, cell: ({ p95Ms }) => (p95Ms === null ? '–' : duration(p95Ms)) },
      ]}
    />
  );
}

function StateAndTrouble({ subscription, now }: { subscription: Subscription; now: number }): JSX.Element {
  const { state, troubles } = subscription;
  const [gravest] = troubles;
  return (
    <>
      <Kind name={gravest?.kind ?? state} />
      {gravest && <div class="quiet">{spoken(gravest.reason, now)}</div>}
    </>
  );
}

function HowToDeclare(): JSX.Element {
  return (
    <>
      No subscription yet. A service declares its own with the receiver SDK or{' '}
      <code>PUT /v1/subscriptions/&lt;name&gt;</code>; the <a href="docs">API documentation</a> has the fields.
    </>
  );
}
