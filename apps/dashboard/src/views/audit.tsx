import type { JSX } from 'preact';
import type { AuditEntry } from '../api/model.js';
import type { ViewProps } from '../page/view-props.js';
import { FilterForm } from '../parts/filter-form.js';
import { Kind } from '../parts/kind.js';
import { Moment } from '../parts/moment.js';
import { Paged } from '../parts/paged.js';
import { Table } from '../parts/table.js';
import { changesIn, changeWords } from '../words/changes.js';

const fields = [
  { name: 'actor', label: 'Key (id or name)' },
  { name: 'action', label: 'Action', placeholder: 'subscription.put' },
  { name: 'target', label: 'Target', placeholder: 'subscription/billing' },
] as const;

/** Who changed what, and who was refused. */
export function AuditView({ place }: ViewProps): JSX.Element {
  return (
    <>
      <h1>Audit log</h1>
      <FilterForm place={place} fields={fields} />
      <Paged<AuditEntry> place={place} path="audit" query={place.query} empty="No entry is like that.">
        {(items) => <List items={items} />}
      </Paged>
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
