import type { JSX } from 'preact';
import { kindOf } from '../words/kinds.js';

/** A state or verdict: its word, with a colour that only repeats it. */
export function Kind({ name }: { name: string }): JSX.Element {
  const { label, tone } = kindOf(name);
  return <span class={`kind ${tone}`}>{label}</span>;
}
