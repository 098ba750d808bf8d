import type { Overview } from '../api/model.js';
import { counted } from './quantities.js';

/** How the bus is, in one look. */
export interface Health {
  tone: 'good' | 'warn' | 'bad';
  title: string;
  /** What somebody should know or do, the gravest first. */
  notes: string[];
}

type Judged = Pick<Overview, 'storage' | 'workers' | 'subscriptions' | 'reconciler' | 'troubled' | 'troubles'>;

/** Kinds of trouble that somebody chose, or that pass by themselves. */
const calm = new Set(['paused', 'rate-limited', 'asked-for-quiet']);

export function healthOf(overview: Judged): Health {
  const grave = graveNotes(overview);
  if (grave.length > 0) return { tone: 'bad', title: 'Something is wrong with the bus', notes: grave };
  const { troubled, troubles } = overview;
  if (troubled === 0) return { tone: 'good', title: 'All is well', notes: [] };
  const isCalm = troubles.every((one) => one.troubles.every(({ kind }) => calm.has(kind)));
  if (isCalm && troubled === troubles.length)
    return { tone: 'good', title: `All is well; ${counted(troubled, 'subscription')} held back on purpose`, notes: [] };
  return {
    tone: 'warn',
    title: `The bus is well; ${counted(troubled, 'subscription')} ${troubled === 1 ? 'is' : 'are'} in trouble`,
    notes: ['Events for the others go on as ever. What waits is kept.'],
  };
}

function graveNotes({ storage, workers, subscriptions, reconciler }: Judged): string[] {
  const notes: string[] = [];
  if (storage.publishing === 'refused')
    notes.push(
      `Publishes are refused with 503: ${storage.reason ?? 'there is no room'}. Make room, or raise the limit (docs/retention.md).`,
    );
  const total = subscriptions.active + subscriptions.paused + subscriptions.suspended + subscriptions.stale;
  if (workers === 0 && total > 0)
    notes.push(
      'No delivery worker is alive: events are stored, and nothing is sent. Start a process with HOOKCAST_ROLE=worker or all.',
    );
  if (reconciler !== null && reconciler.violations > 0)
    notes.push(
      `The reconciler found ${counted(reconciler.violations, 'delivery', 'deliveries')} that nothing accounts for: see the log lines reconciliation.violation.`,
    );
  return notes;
}
