import type { JSX } from 'preact';
import { useNow } from '../page/use-now.js';
import { relative } from '../words/times.js';

/** A time as distance, the exact one on hovering and for screen readers. */
export function Moment({ at }: { at: string | null }): JSX.Element {
  const now = useNow();
  if (at === null) return <span class="quiet">–</span>;
  return (
    <time dateTime={at} title={`${new Date(at).toLocaleString()} (${at})`}>
      {relative(at, now)}
    </time>
  );
}
