import type { JSX } from 'preact';
import { segment } from '../api/client.js';
import type { Reception } from '../api/model.js';
import { linkTo } from '../page/place.js';
import type { ViewProps } from '../page/view-props.js';
import { FilterForm } from '../parts/filter-form.js';
import { Kind } from '../parts/kind.js';
import { Moment } from '../parts/moment.js';
import { Paged } from '../parts/paged.js';
import { Table } from '../parts/table.js';
import { bytes, duration } from '../words/quantities.js';

const fields = [
  { name: 'verdict', label: 'Verdict', options: ['accepted', 'duplicate', 'handshake', 'refused', 'failed'] },
] as const;

/** The last requests to a source, each with its verdict and why. */
export function SourceView({ place }: ViewProps): JSX.Element {
  const name = place.path[1] ?? '';
  return (
    <>
      <p class="crumbs">
        <a href={linkTo(['sources'])}>Sources</a>
      </p>
      <h1>{name}</h1>
      <FilterForm place={place} fields={fields} />
      <Paged<Reception>
        place={place}
        path={`sources/${segment(name)}/receptions`}
        query={place.query}
        empty="No request of that kind has come. Does the sender know the URL of this source?"
      >
        {(items) => <List items={items} />}
      </Paged>
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
