import type { JSX } from 'preact';
import { segment } from '../api/client.js';
import type { Page, Reception } from '../api/model.js';
import { linkTo } from '../page/place.js';
import { useLoaded } from '../page/use-loaded.js';
import type { ViewProps } from '../page/view-props.js';
import { FilterForm } from '../parts/filter-form.js';
import { Kind } from '../parts/kind.js';
import { Moment } from '../parts/moment.js';
import { Pager } from '../parts/pager.js';
import { Empty, LoadedView } from '../parts/states.js';
import { Table } from '../parts/table.js';
import { bytes, duration } from '../words/quantities.js';

const fields = [
  { name: 'verdict', label: 'Verdict', options: ['accepted', 'duplicate', 'handshake', 'refused', 'failed'] },
] as const;

/** The last requests to a source, each with its verdict and why. */
export function SourceView({ place }: ViewProps): JSX.Element {
  const name = place.path[1] ?? '';
  const { query } = place;
  const { state, reload } = useLoaded<Page<Reception>>(
    `receptions ${name} ${JSON.stringify(query)}`,
    (client, signal) => client.get(`sources/${segment(name)}/receptions`, { ...query, limit: 50 }, signal),
  );
  return (
    <>
      <p class="crumbs">
        <a href={linkTo(['sources'])}>Sources</a>
      </p>
      <h1>{name}</h1>
      <FilterForm place={place} fields={fields} />
      <LoadedView state={state} reload={reload}>
        {({ items, nextCursor }) => (
          <>
            {items.length === 0 ? (
              <Empty>No request of that kind has come. Does the sender know the URL of this source?</Empty>
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

function List({ items }: { items: readonly Reception[] }): JSX.Element {
  return (
    <Table
      caption="Requests, newest first"
      rows={items}
      keyOf={({ id }) => id}
      columns={[
        { title: 'When', cell: ({ at }) => <Moment at={at} /> },
        { title: 'Verdict', cell: ({ verdict }) => <Kind name={verdict} /> },
        { title: 'Why', cell: ({ reason }) => reason ?? '–' },
        {
          title: 'Answered',
          isFigure: true,
          cell: ({ status, durationMs }) => `${status} after ${duration(durationMs)}`,
        },
        { title: 'Type', cell: ({ eventType }) => eventType ?? '–' },
        { title: "Sender's id", cell: ({ deliveryId }) => deliveryId ?? '–' },
        { title: 'Size', isFigure: true, cell: (reception) => bytes(reception.bytes) },
        {
          title: 'Events',
          cell: ({ eventIds }) =>
            eventIds.map((id) => (
              <div key={id}>
                <a href={linkTo(['events', id])}>{id}</a>
              </div>
            )),
        },
      ]}
    />
  );
}
