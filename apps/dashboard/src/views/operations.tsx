import type { JSX } from 'preact';
import type { Operation } from '../api/event-model.js';
import { linkTo } from '../page/place.js';
import type { ViewProps } from '../page/view-props.js';
import { Kind } from '../parts/kind.js';
import { Moment } from '../parts/moment.js';
import { Paged } from '../parts/paged.js';
import { Table } from '../parts/table.js';
import { progressWords } from '../words/progress.js';
import { Progress } from './operation.js';

/** Replays, redrives and discards: how far each is. */
export function OperationsView({ place }: ViewProps): JSX.Element {
  return (
    <>
      <h1>Operations</h1>
      <Paged<Operation>
        place={place}
        path="operations"
        query={place.query}
        everyMs={2_000}
        empty={
          <>
            None in the last week. A replay begins at a subscription, a redrive at the{' '}
            <a href={linkTo(['dead-letters'])}>dead letters</a>.
          </>
        }
      >
        {(items) => <List items={items} />}
      </Paged>
    </>
  );
}

function List({ items }: { items: readonly Operation[] }): JSX.Element {
  return (
    <Table
      caption="Operations, newest first"
      rows={items}
      keyOf={({ id }) => id}
      columns={[
        { title: 'Operation', cell: ({ id, kind }) => <a href={linkTo(['operations', id])}>{kind}</a> },
        {
          title: 'Subscription',
          cell: ({ subscription }) => <a href={linkTo(['subscriptions', subscription])}>{subscription}</a>,
        },
        { title: 'Status', cell: ({ status }) => <Kind name={status} /> },
        { title: 'Progress', cell: (operation) => <Progress operation={operation} /> },
        { title: 'In words', cell: (operation) => progressWords(operation, Date.now()) },
        { title: 'Begun', cell: ({ createdAt }) => <Moment at={createdAt} /> },
        { title: 'By', cell: ({ createdBy }) => createdBy },
      ]}
    />
  );
}
