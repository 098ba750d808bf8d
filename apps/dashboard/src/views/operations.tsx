import type { JSX } from 'preact';
import type { Operation } from '../api/event-model.js';
import type { Page } from '../api/model.js';
import { linkTo } from '../page/place.js';
import { useLoaded } from '../page/use-loaded.js';
import type { ViewProps } from '../page/view-props.js';
import { Kind } from '../parts/kind.js';
import { Moment } from '../parts/moment.js';
import { Pager } from '../parts/pager.js';
import { Empty, LoadedView } from '../parts/states.js';
import { Table } from '../parts/table.js';
import { progressWords } from '../words/progress.js';
import { Progress } from './operation.js';

/** Replays, redrives and discards: how far each is. */
export function OperationsView({ place }: ViewProps): JSX.Element {
  const { query } = place;
  const { state, reload } = useLoaded<Page<Operation>>(
    `operations ${JSON.stringify(query)}`,
    (client, signal) => client.get('operations', { ...query, limit: 50 }, signal),
    2_000,
  );
  return (
    <>
      <h1>Operations</h1>
      <LoadedView state={state} reload={reload}>
        {({ items, nextCursor }) => (
          <>
            {items.length === 0 ? (
              <Empty>
                None in the last week. A replay begins at a subscription, a redrive at the{' '}
                <a href={linkTo(['dead-letters'])}>dead letters</a>.
              </Empty>
            ) : (
              <List items={items} />
            )}
            <Pager place={place} nextCursor={nextCursor} />
          </>
        )}
      </LoadedView>
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
