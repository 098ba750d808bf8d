import type { JSX } from 'preact';
import { useNow } from '../page/use-now.js';
import { Moment } from './moment.js';

/** When a delivery is tried again; one whose time has come waits for its endpoint. */
export function NextAttempt({ at }: { at: string | null }): JSX.Element | null {
  const now = useNow();
  if (at === null) return null;
  if (Date.parse(at) < now) return <>; due, and waits for its turn</>;
  return (
    <>
      ; next attempt <Moment at={at} />
    </>
  );
}
