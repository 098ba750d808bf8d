import type { JSX } from 'preact';
import type { Page, Source } from '../api/model.js';
import { linkTo } from '../page/place.js';
import { useLoaded } from '../page/use-loaded.js';
import type { ViewProps } from '../page/view-props.js';
import { Kind } from '../parts/kind.js';
import { Pager } from '../parts/pager.js';
import { Empty, LoadedView } from '../parts/states.js';
import { Table } from '../parts/table.js';
import { count } from '../words/quantities.js';

/** Inbound hooks of SaaS senders: what came in the last hour, and what was refused. */
export function SourcesView({ place }: ViewProps): JSX.Element {
  const { cursor } = place.query;
  const { state, reload } = useLoaded<Page<Source>>(`sources ${cursor}`, (client, signal) =>
    client.get('sources', { cursor, limit: 50 }, signal),
  );
  return (
    <>
      <h1>Sources</h1>
      <LoadedView state={state} reload={reload}>
        {({ items, nextCursor }) => (
          <>
            {items.length === 0 ? (
              <Empty>
                No source: webhooks of GitHub, Stripe and others come in after <code>PUT /v1/sources/&lt;name&gt;</code>
                .
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
