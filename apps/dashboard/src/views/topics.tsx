import type { JSX } from 'preact';
import type { Topic } from '../api/model.js';
import { linkTo } from '../page/place.js';
import type { ViewProps } from '../page/view-props.js';
import { Moment } from '../parts/moment.js';
import { Paged } from '../parts/paged.js';
import { Table } from '../parts/table.js';
import { bytes, count, counted, rate } from '../words/quantities.js';

/** Topics, what goes through them and who gets it. */
export function TopicsView({ place }: ViewProps): JSX.Element {
  return (
    <>
      <h1>Topics</h1>
      <Paged<Topic>
        place={place}
        path="topics"
        empty="No topic yet: the first publish to a topic or subscription of it makes it."
      >
        {(items) => <List items={items} />}
      </Paged>
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
