import type { JSX } from 'preact';
import type { AuditEntry, Page } from '../api/model.js';
import { useLoaded } from '../page/use-loaded.js';
import type { ViewProps } from '../page/view-props.js';
import { FilterForm } from '../parts/filter-form.js';
import { Kind } from '../parts/kind.js';
import { Moment } from '../parts/moment.js';
import { Pager } from '../parts/pager.js';
import { Empty, LoadedView } from '../parts/states.js';
import { Table } from '../parts/table.js';
import { changesIn, changeWords } from '../words/changes.js';

const fields = [
  { name: 'actor', label: 'Key (id or name)' },
  { name: 'action', label: 'Action', placeholder: 'subscription.put' },
  { name: 'target', label: 'Target', placeholder: 'subscription/billing' },
] as const;

/** Who changed what, and who was refused. */
export function AuditView({ place }: ViewProps): JSX.Element {
  const { query } = place;
  const { state, reload } = useLoaded<Page<AuditEntry>>(`audit ${JSON.stringify(query)}`, (client, signal) =>
    client.get('audit', { ...query, limit: 50 }, signal),
  );
  return (
    <>
      <h1>Audit log</h1>
      <FilterForm place={place} fields={fields} />
      <LoadedView state={state} reload={reload}>
        {({ items, nextCursor }) => (
          <>
            {items.length === 0 ? <Empty>No entry is like that.</Empty> : <List items={items} />}
            <Pager place={place} nextCursor={nextCursor} />
          </>
        )}
      </LoadedView>
    </>
  );
}

function List({ items }: { items: readonly AuditEntry[] }): JSX.Element {
  return (
    <Table
      caption="Audit log, newest first"
      rows={items}
      keyOf={({ id }) => id}
      columns={[
        { title: 'When', cell: ({ at }) => <Moment at={at} /> },
        {
          title: 'Who',
          cell: ({ actor, address }) => <span title={`key ${actor.keyId} from ${address ?? '?'}`}>{actor.name}</span>,
        },
        { title: 'Did', cell: ({ action, count }) => (count > 1 ? `${action}, ${count} times` : action) },
        { title: 'To', cell: ({ target }) => target },
        { title: 'Outcome', cell: ({ outcome, detail }) => <Outcome outcome={outcome} detail={detail} /> },
        { title: 'Changed', cell: ({ before, after }) => <Changes before={before} after={after} /> },
      ]}
    />
  );
}

function Outcome({ outcome, detail }: Pick<AuditEntry, 'outcome' | 'detail'>): JSX.Element {
  return (
    <>
      <Kind name={outcome} /> {detail}
    </>
  );
}

function Changes({ before, after }: Pick<AuditEntry, 'before' | 'after'>): JSX.Element | null {
  const changes = changesIn(before, after);
  if (changes.length === 0) return null;
  return (
    <details>
      <summary>{changeWords(before, after)}</summary>
      {changes.map(({ name, from, to }) => (
        <div key={name} class="code">
          {name}: {from} → {to}
        </div>
      ))}
    </details>
  );
}
