import type { JSX } from 'preact';
import type { Service } from '../api/model.js';
import { linkTo } from '../page/place.js';
import type { ViewProps } from '../page/view-props.js';
import { Kind } from '../parts/kind.js';
import { Moment } from '../parts/moment.js';
import { Paged } from '../parts/paged.js';
import { Table } from '../parts/table.js';

/** Services that declared their subscriptions: with which revision, and when they were last heard of. */
export function ServicesView({ place }: ViewProps): JSX.Element {
  return (
    <>
      <h1>Services</h1>
      <Paged<Service>
        place={place}
        path="services"
        empty={
          <>
            No service has declared itself. The receiver SDK does it at start-up, or{' '}
            <code>PUT /v1/services/&lt;service&gt;</code>.
          </>
        }
      >
        {(items) => <List items={items} />}
      </Paged>
    </>
  );
}

function List({ items }: { items: readonly Service[] }): JSX.Element {
  return (
    <Table
      caption="Services"
      rows={items}
      keyOf={({ service }) => service}
      columns={[
        { title: 'Service', cell: ({ service }) => <a href={linkTo(['subscriptions'], { service })}>{service}</a> },
        { title: 'Revision', isFigure: true, cell: ({ revision }) => revision ?? '–' },
        { title: 'Last heard of', cell: ({ heartbeatAt }) => <Moment at={heartbeatAt} /> },
        { title: 'Declaration changed', cell: ({ updatedAt }) => <Moment at={updatedAt} /> },
        { title: 'Subscriptions', cell: (service) => <Owned service={service} /> },
      ]}
    />
  );
}

const shownSubscriptions = 5;

function Owned({ service: { service, subscriptions } }: { service: Service }): JSX.Element {
  if (subscriptions.length === 0) return <span class="quiet">none</span>;
  return (
    <>
      {subscriptions.slice(0, shownSubscriptions).map(({ name, state, leasedUntil }) => (
        <div key={name}>
          <a href={linkTo(['subscriptions', name])}>{name}</a> <Kind name={state} />
          {leasedUntil !== null && (
            <span class="quiet">
              lease ends <Moment at={leasedUntil} />
            </span>
          )}
        </div>
      ))}
      {subscriptions.length > shownSubscriptions && (
        <a href={linkTo(['subscriptions'], { service })}>and {subscriptions.length - shownSubscriptions} more</a>
      )}
    </>
  );
}
