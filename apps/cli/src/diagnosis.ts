/** One thing that was looked at. `bad` makes the command fail, `note` only wants to be read. */
export interface Finding {
  grade: 'ok' | 'note' | 'bad';
  text: string;
}

export interface Overview {
  workers: number;
  backlog: number;
  oldestPendingAt: string | null;
  subscriptions: { active: number; paused: number; suspended: number; stale: number };
  storage: { publishing: 'accepted' | 'refused'; reason: string | null };
}

export interface Listed {
  name: string;
  state: string;
  stateReason: string | null;
  backlog: number;
  oldestPendingAt: string | null;
  parked: { until: string; error: string | null } | null;
}

const ok = (text: string): Finding => ({ grade: 'ok', text });
const note = (text: string): Finding => ({ grade: 'note', text });
const bad = (text: string): Finding => ({ grade: 'bad', text });

/** Seconds that a clock may be wrong: signatures are refused at 300. */
const skewSeconds = 5;
/** An active subscription that is behind by this much is not just busy. */
const lateMinutes = 15;

export function clockFinding(skewMs: number | null): Finding {
  if (skewMs === null) return note('The clock of the broker was not compared with that of its database yet.');
  const seconds = Math.round(skewMs / 100) / 10;
  const text = `The clock of the broker differs from that of its database by ${seconds} s`;
  return Math.abs(seconds) > skewSeconds ? bad(`${text}: set both by NTP.`) : ok(`${text}.`);
}

export function overviewFindings({ workers, subscriptions, storage, backlog }: Overview): Finding[] {
  const { active, paused, suspended, stale } = subscriptions;
  const some = active + paused + suspended + stale > 0;
  return [
    workers === 0 && some
      ? bad('No worker is alive: nothing is delivered. Start a process with HOOKCAST_ROLE=all or worker.')
      : ok(`${workers} live worker(s), ${backlog} event(s) not settled.`),
    storage.publishing === 'refused'
      ? bad(`Publishes are refused: ${storage.reason ?? 'no room'}. See docs/retention.md.`)
      : ok('There is room for more events.'),
  ];
}

export function subscriptionFindings(all: readonly Listed[], now: number): Finding[] {
  const found = all.flatMap((one) => subscriptionFinding(one, now) ?? []);
  return found.length > 0 ? found : [ok(`${all.length} subscription(s), none suspended, stale or far behind.`)];
}

function subscriptionFinding(
  { name, state, stateReason, backlog, oldestPendingAt, parked }: Listed,
  now: number,
): Finding | undefined {
  const why = stateReason === null ? '' : ` (${stateReason})`;
  if (state === 'suspended') return bad(`Subscription ${name} is suspended${why}; ${backlog} event(s) wait.`);
  if (state === 'stale') return bad(`Subscription ${name} is stale: its service does not renew its lease.`);
  if (state === 'paused') return note(`Subscription ${name} is paused; ${backlog} event(s) wait.`);
  if (parked !== null)
    return bad(
      `Subscription ${name} is parked until ${parked.until}: ${withoutStop(parked.error ?? 'its hook asked')}.`,
    );
  const minutes = oldestPendingAt === null ? 0 : Math.floor((now - Date.parse(oldestPendingAt)) / 60_000);
  return minutes >= lateMinutes ? bad(`Subscription ${name} is ${minutes} minutes behind.`) : undefined;
}

export function deadLetterFinding(isAny: boolean): Finding {
  return isAny ? note('There are dead letters: GET /v1/dead-letters lists them.') : ok('There are no dead letters.');
}

export interface Violation {
  kind: string;
  subscription: string | null;
  topic: string;
  position: string | null;
  detail: string;
}

/** What the steps of a reconciliation came to together. */
export interface Reconciled {
  events: number;
  deliveries: number;
  /** Deliveries among them that left no record to judge them by. */
  unchecked: number;
  violations: Violation[];
  /** False when a bound ended it before the end of the log. */
  isWhole: boolean;
}

export function reconciliationFindings(reconciled: Reconciled): Finding[] {
  const { events, deliveries, unchecked, violations, isWhole } = reconciled;
  const looked = isWhole ? '' : ' Only a part of the log was looked at.';
  const untold = unchecked === 0 ? [] : [note(uncheckedText(unchecked))];
  if (violations.length === 0) {
    return [ok(`${events} event(s) and ${deliveries - unchecked} deliveries are accounted for.${looked}`), ...untold];
  }
  const found = violations.map(({ kind, subscription, topic, position, detail }) =>
    bad(`${kind}: ${subscription ?? 'every subscription'}, ${topic} at ${position ?? '-'}. ${detail}`),
  );
  return [...found, ...untold, ...(isWhole ? [] : [note(looked.trim())])];
}

const uncheckedText = (unchecked: number): string =>
  `${unchecked} deliveries left no record to judge them by (HOOKCAST_ATTEMPT_LOG=failures); ` +
  'only the counters of their subscriptions were compared.';

function withoutStop(text: string): string {
  return text.replace(/\.$/, '');
}
