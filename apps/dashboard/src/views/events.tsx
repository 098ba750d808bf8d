import type { JSX } from 'preact';
import type { BusEvent } from '../api/event-model.js';
import { findEvents } from '../api/find-events.js';
import type { Page, Topic } from '../api/model.js';
import { linkTo, type Place } from '../page/place.js';
import { useLoaded } from '../page/use-loaded.js';
import { goTo } from '../page/use-place.js';
import type { ViewProps } from '../page/view-props.js';
import { FilterForm, textOf } from '../parts/filter-form.js';
import { Moment } from '../parts/moment.js';
import { Pager } from '../parts/pager.js';
import { Empty, LoadedView } from '../parts/states.js';
import { Table } from '../parts/table.js';
import { keyOfEvent } from '../words/event-search.js';
import { payloadText } from '../words/payload.js';

/** Finds events by id, or by topic, time and key. */
export function EventsView({ place }: ViewProps): JSX.Element {
  const { topic } = place.query;
  return (
    <>
      <h1>Events</h1>
      <form class="filters" role="search" onSubmit={openEvent}>
        <label>
          <span>Event id</span>
          <input name="id" type="search" size={38} required />
        </label>
        <button type="submit">Show it</button>
      </form>
      <TopicSearch place={place} />
      {topic === undefined ? (
        <Empty>Give an id, or choose a topic to see its newest events; a time and a key narrow them down.</Empty>
      ) : (
        <Found place={place} topic={topic} />
      )}
    </>
  );
}

function openEvent(event: SubmitEvent): void {
  event.preventDefault();
  if (!(event.currentTarget instanceof HTMLFormElement)) return;
  goTo(linkTo(['events', textOf(new FormData(event.currentTarget).get('id')).trim()]));
}

function TopicSearch({ place }: { place: Place }): JSX.Element {
  const { state } = useLoaded<Page<Topic>>(
    'topic names',
    (client, signal) => client.get('topics', { limit: 200 }, signal),
    60_000,
  );
  const names = state.kind === 'ready' ? state.value.items.map(({ name }) => name) : [];
  const fields = [
    { name: 'topic', label: 'Topic', suggestions: names },
    { name: 'from', label: 'From', isTime: true },
    { name: 'key', label: 'Key (partitionkey)' },
  ];
  return <FilterForm place={place} fields={fields} />;
}

function Found({ place, topic }: { place: Place; topic: string }): JSX.Element {
  const { query } = place;
  const { state, reload } = useLoaded<Page<BusEvent>>(`events ${JSON.stringify(query)}`, async (client, signal) =>
    findEvents(client, { topic, query, signal }),
  );
  return (
    <LoadedView state={state} reload={reload}>
      {({ items, nextCursor }) => (
        <>
          {items.length === 0 ? <Empty>No event of {topic} is like that.</Empty> : <List items={items} />}
          <Pager place={place} nextCursor={nextCursor} />
        </>
      )}
    </LoadedView>
  );
}

function List({ items }: { items: readonly BusEvent[] }): JSX.Element {
  return (
    <Table
      caption="Events"
      rows={items}
      keyOf={({ position }) => position}
      columns={[
        { title: 'Event', cell: ({ id, topic }) => <a href={linkTo(['events', id], { topic })}>{id}</a> },
        { title: 'Stored', cell: ({ publishedAt }) => <Moment at={publishedAt} /> },
        { title: 'Position', cell: ({ position }) => position },
        { title: 'Key', cell: (event) => keyOfEvent(event) ?? '–' },
        { title: 'Type', cell: ({ type }) => type },
        {
          title: 'Data',
          cell: (event) => <span class="code">{payloadText(event).replace(/\s+/g, ' ').slice(0, 90)}</span>,
        },
      ]}
    />
  );
}
