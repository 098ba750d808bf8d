import type { JSX } from 'preact';
import type { Page, Topic } from '../api/model.js';
import { linkTo } from '../page/place.js';
import { useLoaded } from '../page/use-loaded.js';
import type { ViewProps } from '../page/view-props.js';
import { Moment } from '../parts/moment.js';
import { Pager } from '../parts/pager.js';
import { Empty, LoadedView } from '../parts/states.js';
import { Table } from '../parts/table.js';
import { bytes, count, counted, rate } from '../words/quantities.js';

/** Topics, what goes through them and who gets it. */
export function TopicsView({ place }: ViewProps): JSX.Element {
  const { cursor } = place.query;
  const { state, reload } = useLoaded<Page<Topic>>(`topics ${cursor}`, (client, signal) =>
    client.get('topics', { cursor, limit: 50 }, signal),
  );
  return (
    <>
      <h1>Topics</h1>
      <LoadedView state={state} reload={reload}>
        {({ items, nextCursor }) => (
          <>
            {items.length === 0 ? (
              <Empty>No topic yet: the first publish to a topic or subscription of it makes it.</Empty>
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

function List({ items }: { items: readonly Topic[] }): JSX.Element {
  return (
    <Table
      caption="Topics"
      rows={items}
      keyOf={({ name }) => name}
      columns={[
        { title: 'Topic', cell: ({ name }) => <a href={linkTo(['events'], { topic: name })}>{name}</a> },
        { title: 'Events', isFigure: true, cell: ({ eventRate }) => `${rate(eventRate)}/s` },
        { title: 'Last event', cell: ({ lastEventAt }) => <Moment at={lastEventAt} /> },
        { title: 'Stored', isFigure: true, cell: (topic) => bytes(topic.bytes) },
        { title: 'Kept for', isFigure: true, cell: ({ retentionDays }) => counted(retentionDays, 'day') },
        { title: 'Partitions', isFigure: true, cell: ({ partitions }) => count(partitions) },
        { title: 'Schema', cell: ({ schemaMode }) => schemaMode },
        { title: 'Received by', cell: ({ name, subscriptions }) => <Receivers topic={name} names={subscriptions} /> },
      ]}
    />
  );
}

const shownReceivers = 3;

function Receivers({ topic, names }: { topic: string; names: readonly string[] }): JSX.Element {
  if (names.length === 0) return <span class="quiet">nobody</span>;
  return (
    <span>
      {names.slice(0, shownReceivers).map((name) => (
        <>
          <a key={name} href={linkTo(['subscriptions', name])}>
            {name}
          </a>{' '}
        </>
      ))}
      {names.length > shownReceivers && (
        <a href={linkTo(['subscriptions'], { topic })}>and {names.length - shownReceivers} more</a>
      )}
    </span>
  );
}
