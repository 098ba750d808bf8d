import type { JSX } from 'preact';
import { linkTo, type Place } from '../page/place.js';

/** To the next page and to the first; the browser's own back leads to the one before. */
export function Pager({ place, nextCursor }: { place: Place; nextCursor: string | null }): JSX.Element | null {
  const { cursor, ...rest } = place.query;
  if (cursor === undefined && nextCursor === null) return null;
  return (
    <nav class="pager" aria-label="Pages">
      {cursor !== undefined && <a href={linkTo(place.path, rest)}>First page</a>}
      {nextCursor !== null && <a href={linkTo(place.path, { ...rest, cursor: nextCursor })}>Next page</a>}
    </nav>
  );
}
