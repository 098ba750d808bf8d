import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { DeadLetter } from '../api/event-model.js';
import type { Page } from '../api/model.js';
import { linkTo, type Place } from '../page/place.js';
import { useLoaded } from '../page/use-loaded.js';
import { Kind } from '../parts/kind.js';
import { Moment } from '../parts/moment.js';
import { Pager } from '../parts/pager.js';
import { Empty, LoadedView } from '../parts/states.js';
import { Table } from '../parts/table.js';
import { count } from '../words/quantities.js';
import { bySubscription } from '../words/selection.js';
import { DeadLetterActions, type AskedDeadLetters } from './dead-letter-actions.js';

/** Dead letters one by one, to be chosen by hand or all that the filter means. */
export function DeadLetterList({ place }: { place: Place }): JSX.Element {
  const { query } = place;
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const { state, reload } = useLoaded<Page<DeadLetter>>(`dead letters ${JSON.stringify(query)}`, (client, signal) =>
    client.get('dead-letters', { ...query, limit: 100 }, signal),
  );
  const toggle = (id: string) => setChosen(chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen, id]);
  return (
    <LoadedView state={state} reload={reload}>
      {({ items, nextCursor }) => (
        <>
          <p>
            <a href={linkTo(place.path)}>All kinds of errors</a>
          </p>
          <Chosen items={items.filter(({ id }) => chosen.includes(id))} query={query} onDone={reload} />
          {items.length === 0 ? (
            <Empty>No dead letter is like that.</Empty>
          ) : (
            <List items={items} chosen={chosen} onToggle={toggle} />
          )}
          <Pager place={place} nextCursor={nextCursor} />
        </>
      )}
    </LoadedView>
  );
}

interface ChosenProps {
  items: readonly DeadLetter[];
  query: Place['query'];
  onDone: () => void;
}

function Chosen({ items, query, onDone }: ChosenProps): JSX.Element {
  if (items.length > 0)
    return <DeadLetterActions asked={bySubscription(items)} what={` ${count(items.length)} chosen`} onDone={onDone} />;
  const all = askedBy(query);
  if (all) return <DeadLetterActions asked={[all]} what=" all of these" onDone={onDone} />;
  return (
    <p class="quiet">
      Choose some below, or name a subscription above to redrive or discard all that the filter means.
    </p>
  );
}

function askedBy(query: Place['query']): AskedDeadLetters | undefined {
  const { subscription, topic, reason, fingerprint } = query;
  if (subscription === undefined) return undefined;
  const filter = Object.fromEntries(
    Object.entries({ topic, reason, fingerprint }).filter(([, value]) => value !== undefined),
  );
  return { subscription, ...(Object.keys(filter).length > 0 && { filter }) };
}

interface ListProps {
  items: readonly DeadLetter[];
  chosen: readonly string[];
  onToggle: (id: string) => void;
}

function List({ items, chosen, onToggle }: ListProps): JSX.Element {
  return (
    <Table
      caption="Dead letters, newest first"
      rows={items}
      keyOf={({ id }) => id}
      columns={[
        {
          title: 'Choose',
          cell: ({ id, eventId }) => (
            <input
              type="checkbox"
              aria-label={`Choose ${eventId}`}
              checked={chosen.includes(id)}
              onChange={() => onToggle(id)}
            />
          ),
        },
        {
          title: 'Event',
          cell: ({ eventId, topic }) => <a href={linkTo(['events', eventId], { topic })}>{eventId}</a>,
        },
        { title: 'Topic', cell: ({ topic }) => topic },
        {
          title: 'Subscription',
          cell: ({ subscription }) => <a href={linkTo(['subscriptions', subscription])}>{subscription}</a>,
        },
        {
          title: 'Why',
          cell: ({ reason, error, redriving }) => (
            <>
              <Kind name={reason} /> {error}
              {redriving && ' (on its way again)'}
            </>
          ),
        },
        { title: 'Attempts', isFigure: true, cell: ({ attemptCount }) => count(attemptCount) },
        { title: 'Given up', cell: ({ deadAt }) => <Moment at={deadAt} /> },
      ]}
    />
  );
}
