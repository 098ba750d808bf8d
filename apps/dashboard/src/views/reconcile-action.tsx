import type { ComponentChildren, JSX } from 'preact';
import type { ApiClient } from '../api/client.js';
import type { Reconciliation } from '../api/model.js';
import { Action } from '../parts/action.js';
import { counted } from '../words/quantities.js';

/** More is for `hookcast doctor`: a page should answer within seconds. */
const mostSteps = 25;

/** Proves on demand that every accepted event is accounted for. */
export function ReconcileAction(): JSX.Element {
  return (
    <Action label="Check that nothing is lost" confirm="Check" run={reconcile}>
      <p>
        Looks at the newest and older events of the log, {counted(mostSteps * 2000, 'event')} at most, and proves for
        each that every subscription which wants it has it, waits for it, or gave it up on record. It changes nothing.
      </p>
    </Action>
  );
}

async function reconcile(client: ApiClient): Promise<ComponentChildren> {
  let [events, unchecked, cursor]: [number, number, string | null] = [0, 0, null];
  const violations: Reconciliation['violations'] = [];
  for (let step = 0; step < mostSteps; step += 1) {
    const found: Reconciliation = await client.post('reconciliations', cursor === null ? {} : { cursor });
    events += found.events;
    unchecked += found.unchecked;
    violations.push(...found.violations);
    cursor = found.nextCursor;
    if (cursor === null) break;
  }
  const scope = cursor === null ? 'the whole log' : 'as much as one look takes';
  if (violations.length === 0 && unchecked > 0)
    return `${counted(events, 'event')} looked at (${scope}). Of ${counted(unchecked, 'delivery', 'deliveries')} successes are not recorded: only the counters were compared.`;
  if (violations.length === 0) return `${counted(events, 'event')} looked at (${scope}): every one is accounted for.`;
  return (
    <>
      <p>
        {counted(violations.length, 'violation')} in {counted(events, 'event')}:
      </p>
      <ul>
        {violations.slice(0, 20).map(({ kind, subscription, topic, position, detail }) => (
          <li key={`${kind}${position}${subscription}`}>
            {kind}: {subscription ?? 'everybody'}, {topic} {position}: {detail}
          </li>
        ))}
      </ul>
    </>
  );
}
