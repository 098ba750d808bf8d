import type { ComponentChildren, JSX } from 'preact';
import type { Query } from '../api/client.js';
import type { Page } from '../api/model.js';
import type { Place } from '../page/place.js';
import { useLoaded } from '../page/use-loaded.js';
import { Pager } from './pager.js';
import { Empty, LoadedView } from './states.js';

interface PagedProps<T> {
  /** Holds the cursor. */
  place: Place;
  path: string;
  /** Without it the cursor alone: a parameter that the route does not know is refused. */
  query?: Query;
  limit?: number;
  everyMs?: number;
  /** Says why there is nothing. */
  empty: ComponentChildren;
  children: (items: readonly T[], reload: () => void) => ComponentChildren;
}

/** A list of the API, a page at a time. */
export function Paged<T>({
  place,
  path,
  query = { cursor: place.query['cursor'] },
  limit = 50,
  everyMs,
  empty,
  children,
}: PagedProps<T>): JSX.Element {
  const { state, reload } = useLoaded<Page<T>>(
    `${path} ${JSON.stringify(query)}`,
    (client, signal) => client.get(path, { ...query, limit }, signal),
    everyMs,
  );
  return (
    <LoadedView state={state} reload={reload}>
      {({ items, nextCursor }) => (
        <>
          {items.length === 0 ? <Empty>{empty}</Empty> : children(items, reload)}
          <Pager place={place} nextCursor={nextCursor} />
        </>
      )}
    </LoadedView>
  );
}
