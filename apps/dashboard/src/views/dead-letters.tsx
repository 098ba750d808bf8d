import type { JSX } from 'preact';
import type { DeadLetterGroup } from '../api/event-model.js';
import { linkTo, type Place } from '../page/place.js';
import type { ViewProps } from '../page/view-props.js';
import { FilterForm } from '../parts/filter-form.js';
import { Kind } from '../parts/kind.js';
import { Moment } from '../parts/moment.js';
import { Paged } from '../parts/paged.js';
import { Table } from '../parts/table.js';
import { count } from '../words/quantities.js';
import { DeadLetterActions } from './dead-letter-actions.js';
import { DeadLetterList } from './dead-letter-list.js';

const fields = [
  { name: 'subscription', label: 'Subscription' },
  { name: 'topic', label: 'Topic' },
  { name: 'reason', label: 'Given up as', options: ['exhausted', 'non-retryable', 'verdict', 'expired'] },
  { name: 'fingerprint', label: 'Kind of error' },
] as const;

/** Deliveries that were given up: by kind of error, or one by one once a filter is set. */
export function DeadLettersView({ place }: ViewProps): JSX.Element {
  const { cursor: _, ...filters } = place.query;
  const isFiltered = Object.keys(filters).length > 0;
  return (
    <>
      <h1>Dead letters</h1>
      <FilterForm place={place} fields={fields} />
      {isFiltered ? <DeadLetterList place={place} /> : <Groups place={place} />}
    </>
  );
}

function Groups({ place }: { place: Place }): JSX.Element {
  return (
    <Paged<DeadLetterGroup>
      place={place}
      path="dead-letters/groups"
      empty="None: everything was delivered or is still tried."
    >
      {(items, reload) => <GroupTable items={items} onDone={reload} />}
    </Paged>
  );
}

function GroupTable({ items, onDone }: { items: readonly DeadLetterGroup[]; onDone: () => void }): JSX.Element {
  return (
    <Table
      caption="Dead letters by subscription and kind of error"
      rows={items}
      keyOf={({ subscription, fingerprint }) => `${subscription} ${fingerprint}`}
      columns={[
        {
          title: 'Subscription',
          cell: ({ subscription }) => <a href={linkTo(['subscriptions', subscription])}>{subscription}</a>,
        },
        {
          title: 'How many',
          isFigure: true,
          cell: ({ subscription, fingerprint, ...group }) => (
            <a href={linkTo(['dead-letters'], { subscription, fingerprint })}>
              {count(group.count)}
              {group.isExact ? '' : '+'}
            </a>
          ),
        },
        {
          title: 'Error of the last one',
          cell: ({ reason, sampleError, fingerprint }) => (
            <>
              <Kind name={reason} /> {sampleError ?? '–'} <div class="quiet">{fingerprint}</div>
            </>
          ),
        },
        {
          title: 'Sample',
          cell: ({ sampleEventId, topic }) => <a href={linkTo(['events', sampleEventId], { topic })}>{topic}</a>,
        },
        { title: 'Last', cell: ({ lastAt }) => <Moment at={lastAt} /> },
        {
          title: 'Do',
          cell: ({ subscription, fingerprint }) => (
            <DeadLetterActions asked={[{ subscription, filter: { fingerprint } }]} onDone={onDone} />
          ),
        },
      ]}
    />
  );
}
