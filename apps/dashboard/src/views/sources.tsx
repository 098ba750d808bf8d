import type { JSX } from 'preact';
import type { Source } from '../api/model.js';
import { linkTo } from '../page/place.js';
import type { ViewProps } from '../page/view-props.js';
import { Kind } from '../parts/kind.js';
import { Paged } from '../parts/paged.js';
import { Table } from '../parts/table.js';
import { count } from '../words/quantities.js';

/** Inbound hooks of SaaS senders: what came in the last hour, and what was refused. */
export function SourcesView({ place }: ViewProps): JSX.Element {
  return (
    <>
      <h1>Sources</h1>
      <Paged<Source>
        place={place}
        path="sources"
        empty={
          <>
            No source: webhooks of GitHub, Stripe and others come in after <code>PUT /v1/sources/&lt;name&gt;</code>.
          </>
        }
      >
        {(items) => <List items={items} />}
      </Paged>
    </>
  );
}

function List({ items }: { items: readonly Source[] }): JSX.Element {
  return (
    <Table
      caption="Sources"
      rows={items}
      keyOf={({ name }) => name}
      columns={[
        { title: 'Source', cell: ({ name }) => <a href={linkTo(['sources', name])}>{name}</a> },
        { title: 'Sender', cell: ({ sender, scheme }) => `${sender} (${scheme})` },
        { title: 'Topic', cell: ({ topic }) => topic },
        {
          title: 'State',
          cell: ({ enabled, state, stateReason }) => (
            <>
              <Kind name={enabled ? state : 'paused'} /> {stateReason}
            </>
          ),
        },
        { title: 'Accepted, last hour', isFigure: true, cell: ({ health }) => count(health.lastHour.accepted) },
        { title: 'Refused', isFigure: true, cell: ({ health }) => count(health.lastHour.refused) },
        { title: 'Why', cell: ({ health }) => reasonWords(health.reasons) },
      ]}
    />
  );
}

function reasonWords(reasons: Record<string, number>): string {
  return (
    Object.entries(reasons)
      .map(([reason, times]) => `${reason} (${count(times)})`)
      .join(', ') || '–'
  );
}
