import type { JSX } from 'preact';
import { segment } from '../api/client.js';
import type { Delivery } from '../api/event-model.js';
import type { Page } from '../api/model.js';
import { linkTo, type Place } from '../page/place.js';
import { useLoaded } from '../page/use-loaded.js';
import { useNow } from '../page/use-now.js';
import { FilterForm } from '../parts/filter-form.js';
import { Kind } from '../parts/kind.js';
import { Moment } from '../parts/moment.js';
import { NextAttempt } from '../parts/next-attempt.js';
import { Paged } from '../parts/paged.js';
import { Table } from '../parts/table.js';
import { count } from '../words/quantities.js';
import { spoken, withError } from '../words/times.js';
import { Attempts } from './attempts.js';

const fields = [
  { name: 'status', label: 'Status', options: ['pending', 'retrying', 'delivered', 'dead', 'unknown'] },
  { name: 'event', label: 'Event id' },
] as const;

/** What is tried again, which under a long backlog is far from the newest; nothing where nothing is. */
export function Retrying({ name }: { name: string }): JSX.Element | null {
  const { state } = useLoaded<Page<Delivery>>(`retrying ${name}`, (client, signal) =>
    client.get(`subscriptions/${segment(name)}/deliveries`, { status: 'retrying', limit: 5 }, signal),
  );
  if (state.kind !== 'ready' || state.value.items.length === 0) return null;
  const { items, nextCursor } = state.value;
  return (
    <section>
      <h2>Tried again</h2>
      <List items={items} />
      {nextCursor !== null && (
        <a href={linkTo(['subscriptions', name], { status: 'retrying' })}>All that are tried again</a>
      )}
    </section>
  );
}

/** Recent deliveries of a subscription; each opens to its attempts. */
export function Deliveries({ name, place }: { name: string; place: Place }): JSX.Element {
  return (
    <section>
      <h2>Deliveries, newest first</h2>
      <FilterForm place={place} fields={fields} />
      <Paged<Delivery>
        place={place}
        path={`subscriptions/${segment(name)}/deliveries`}
        query={place.query}
        limit={25}
        empty="No delivery is like that."
      >
        {(items) => <List items={items} />}
      </Paged>
    </section>
  );
}

function List({ items }: { items: readonly Delivery[] }): JSX.Element {
  const now = useNow();
  return (
    <Table
      caption="Deliveries"
      rows={items}
      keyOf={({ position }) => position}
      columns={[
        {
          title: 'Event',
          cell: ({ eventId, topic }) => <a href={linkTo(['events', eventId], { topic })}>{eventId}</a>,
        },
        { title: 'Topic', cell: ({ topic }) => topic },
        { title: 'Published', cell: ({ publishedAt }) => <Moment at={publishedAt} /> },
        { title: 'Status', cell: ({ status }) => <Kind name={status} /> },
        {
          title: 'Why',
          cell: ({ reason, nextAttemptAt, lastError }) => (
            <>
              {spoken(withError(reason, lastError), now)}
              <NextAttempt at={nextAttemptAt} />
            </>
          ),
        },
        {
          title: 'Attempts',
          cell: ({ subscription, eventId, attemptCount }) =>
            attemptCount === 0 ? (
              count(0)
            ) : (
              <Attempts subscription={subscription} eventId={eventId} known={attemptCount} />
            ),
        },
      ]}
    />
  );
}
