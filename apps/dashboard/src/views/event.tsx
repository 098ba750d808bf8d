import type { JSX } from 'preact';
import { segment, type ApiClient } from '../api/client.js';
import type { BusEvent, EventDelivery } from '../api/event-model.js';
import { linkTo } from '../page/place.js';
import { useLoaded } from '../page/use-loaded.js';
import { useNow } from '../page/use-now.js';
import type { ViewProps } from '../page/view-props.js';
import { Action } from '../parts/action.js';
import { Kind } from '../parts/kind.js';
import { Moment } from '../parts/moment.js';
import { NextAttempt } from '../parts/next-attempt.js';
import { Empty, LoadedView } from '../parts/states.js';
import { Table } from '../parts/table.js';
import { exactly, payloadText } from '../words/payload.js';
import { spoken, withError } from '../words/times.js';
import { Attempts } from './attempts.js';

interface Shown {
  event: BusEvent;
  payload: string;
  deliveries: EventDelivery[];
}

/** One event: what it is, and what became of it for every subscription, and why. */
export function EventView({ place }: ViewProps): JSX.Element {
  const id = place.path[1] ?? '';
  const { topic } = place.query;
  const { state, reload } = useLoaded<Shown>(`event ${id} ${topic}`, async (client, signal) =>
    load(client, { id, topic, signal }),
  );
  return (
    <>
      <p class="crumbs">
        <a href={linkTo(['events'], { topic })}>Events</a>
      </p>
      <h1>{id}</h1>
      <LoadedView state={state} reload={reload}>
        {({ event, payload, deliveries }) => (
          <>
            <Why event={event} deliveries={deliveries} onDone={reload} />
            <h2>Data ({event.dataEncoding})</h2>
            <pre>{payload}</pre>
            <Attributes event={event} />
          </>
        )}
      </LoadedView>
    </>
  );
}

async function load(
  client: ApiClient,
  { id, topic, signal }: { id: string; topic: string | undefined; signal: AbortSignal },
): Promise<Shown> {
  const text = await client.getText(`events/${segment(id)}`, { topic }, signal);
  // What the broker answers is typed by its OpenAPI document.
  // eslint-disable-next-line typescript/no-unsafe-type-assertion
  const event = JSON.parse(text) as BusEvent & { deliveries: EventDelivery[] };
  // eslint-disable-next-line typescript/no-unsafe-type-assertion
  return { event, payload: payloadText(exactly(text) as BusEvent), deliveries: event.deliveries };
}

function Attributes({ event }: { event: BusEvent }): JSX.Element {
  return (
    <section>
      <h2>Attributes</h2>
      <dl class="facts">
        <dt>topic</dt>
        <dd>
          <a href={linkTo(['events'], { topic: event.topic })}>{event.topic}</a>
        </dd>
        <dt>position</dt>
        <dd>{event.position}</dd>
        <dt>stored</dt>
        <dd>
          <Moment at={event.publishedAt} /> ({event.publishedAt})
        </dd>
        {Object.entries(event.attributes).map(([name, value]) => (
          <>
            <dt key={name}>{name}</dt>
            <dd key={`${name} value`}>{value}</dd>
          </>
        ))}
      </dl>
    </section>
  );
}

interface WhyProps {
  event: BusEvent;
  deliveries: readonly EventDelivery[];
  onDone: () => void;
}

function Why({ event, deliveries, onDone }: WhyProps): JSX.Element {
  const wanted = deliveries.filter(({ matched }) => matched);
  const others = deliveries.filter(({ matched }) => !matched);
  return (
    <section>
      <h2>What became of it</h2>
      {wanted.length === 0 ? (
        <Empty>No subscription wanted it; below is why each did not.</Empty>
      ) : (
        <Wanted event={event} deliveries={wanted} onDone={onDone} />
      )}
      {others.length > 0 && (
        <details open={wanted.length === 0}>
          <summary>Not for {others.length} other subscriptions</summary>
          <dl class="facts">
            {others.map(({ subscription, reason }) => (
              <>
                <dt key={subscription}>
                  <a href={linkTo(['subscriptions', subscription])}>{subscription}</a>
                </dt>
                <dd key={`${subscription} reason`}>{reason}</dd>
              </>
            ))}
          </dl>
        </details>
      )}
    </section>
  );
}

function Wanted({ event, deliveries, onDone }: WhyProps): JSX.Element {
  const now = useNow();
  return (
    <Table
      caption="Deliveries of this event"
      rows={deliveries}
      keyOf={({ subscription }) => subscription}
      columns={[
        {
          title: 'Subscription',
          cell: ({ subscription }) => <a href={linkTo(['subscriptions', subscription])}>{subscription}</a>,
        },
        { title: 'Status', cell: ({ status }) => <Kind name={status ?? 'unknown'} /> },
        {
          title: 'Why',
          cell: ({ reason, lastError, nextAttemptAt }) => (
            <>
              {spoken(withError(reason, lastError), now)}
              <NextAttempt at={nextAttemptAt} />
            </>
          ),
        },
        {
          title: 'Attempts',
          cell: ({ subscription, attemptCount }) =>
            attemptCount > 0 && (
              <Attempts
                subscription={subscription}
                eventId={event.id}
                known={attemptCount}
                isOpen={deliveries.length === 1}
              />
            ),
        },
        { title: 'By hand', cell: (delivery) => <Resend eventId={event.id} delivery={delivery} onDone={onDone} /> },
      ]}
    />
  );
}

interface ResendProps {
  eventId: string;
  delivery: EventDelivery;
  onDone: () => void;
}

function Resend({ eventId, delivery, onDone }: ResendProps): JSX.Element {
  const { subscription, status } = delivery;
  const path = `subscriptions/${segment(subscription)}/deliveries/${segment(eventId)}/retry`;
  const run = async (client: ApiClient) => {
    const { orderReason } = await client.post<{ orderReason: string }>(path);
    return `It is on its way. ${orderReason}`;
  };
  const label = status === 'delivered' ? 'Send again' : 'Send now';
  return (
    <Action label={label} title={`Send this event to ${subscription}?`} confirm={label} run={run} onDone={onDone}>
      <p>
        {status === 'delivered'
          ? 'The hook accepted it before; it gets it once more, with the same id, so that a receiver that deduplicates ignores it.'
          : 'It is sent at once, with the same id, and does not wait for its next attempt.'}
      </p>
    </Action>
  );
}
