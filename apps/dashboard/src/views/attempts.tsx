import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { segment } from '../api/client.js';
import type { Attempt } from '../api/event-model.js';
import { useLoaded } from '../page/use-loaded.js';
import { Kind } from '../parts/kind.js';
import { Moment } from '../parts/moment.js';
import { LoadedView } from '../parts/states.js';
import { counted, duration } from '../words/quantities.js';

interface AttemptsProps {
  subscription: string;
  eventId: string;
  /** How many there are, as far as is known before they are loaded. */
  known: number;
  isOpen?: boolean;
}

/** The attempts of a delivery as a timeline, loaded when somebody opens it. */
export function Attempts({ subscription, eventId, known, isOpen = false }: AttemptsProps): JSX.Element {
  const [wasOpened, setOpened] = useState(isOpen);
  return (
    <details open={isOpen} onToggle={() => setOpened(true)}>
      <summary>{counted(known, 'attempt')}</summary>
      {wasOpened && <Timeline subscription={subscription} eventId={eventId} />}
    </details>
  );
}

function Timeline({ subscription, eventId }: Pick<AttemptsProps, 'subscription' | 'eventId'>): JSX.Element {
  const { state, reload } = useLoaded<{ attempts: Attempt[] }>(
    `attempts ${subscription} ${eventId}`,
    (client, signal) => client.get(`subscriptions/${segment(subscription)}/deliveries/${segment(eventId)}`, {}, signal),
  );
  return (
    <LoadedView state={state} reload={reload}>
      {({ attempts }) => (
        <ol class="timeline">
          {attempts.length === 0 && <li class="quiet">No attempt is on record (HOOKCAST_ATTEMPT_LOG).</li>}
          {attempts.map((attempt) => (
            <AttemptItem key={`${attempt.attempt} ${attempt.at}`} attempt={attempt} />
          ))}
        </ol>
      )}
    </LoadedView>
  );
}

function AttemptItem({ attempt }: { attempt: Attempt }): JSX.Element {
  const { at, outcome, status, durationMs, error, response } = attempt;
  return (
    <li>
      <Kind name={outcome} /> {status !== null && <strong>{status}</strong>} after {duration(durationMs)},{' '}
      <Moment at={at} />
      {error !== null && <div>{error}</div>}
      {response !== null && response !== '' && <pre>{response}</pre>}
    </li>
  );
}
