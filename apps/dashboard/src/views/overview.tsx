import type { JSX } from 'preact';
import type { Overview, Page, Worker } from '../api/model.js';
import { useTools } from '../page/client-context.js';
import { linkTo } from '../page/place.js';
import { useLoaded } from '../page/use-loaded.js';
import { useNow } from '../page/use-now.js';
import { HourChart } from '../parts/hour-chart.js';
import { Kind } from '../parts/kind.js';
import { Moment } from '../parts/moment.js';
import { Empty, LoadedView } from '../parts/states.js';
import { Table } from '../parts/table.js';
import { healthOf } from '../words/health.js';
import { bytes, count, counted, rate } from '../words/quantities.js';
import { age, spoken } from '../words/times.js';
import { ReconcileAction } from './reconcile-action.js';

/** Is the bus well, how much goes through it, who is in trouble and why. */
export function OverviewView(): JSX.Element {
  const { state, reload } = useLoaded<Overview>('overview', (client, signal) => client.get('overview', {}, signal));
  return (
    <>
      <h1>Overview</h1>
      <LoadedView state={state} reload={reload}>
        {(overview) => (
          <>
            <HealthNote overview={overview} />
            <Figures overview={overview} />
            <HourChart minutes={overview.minutes} label="Last hour" />
            <Troubles overview={overview} />
          </>
        )}
      </LoadedView>
      <Workers />
    </>
  );
}

function HealthNote({ overview }: { overview: Overview }): JSX.Element {
  const { tone, title, notes } = healthOf(overview);
  return (
    <div class={`health ${tone}`} role="status">
      <strong>{title}</strong>
      {notes.map((note) => (
        <p key={note}>{note}</p>
      ))}
    </div>
  );
}

function Figures({ overview }: { overview: Overview }): JSX.Element {
  const now = useNow();
  const { subscriptions, storage, reconciler } = overview;
  const total = subscriptions.active + subscriptions.paused + subscriptions.suspended + subscriptions.stale;
  return (
    <dl class="figures">
      <Figure title="Published" value={`${rate(overview.publishRate)}/s`} />
      <Figure title="Delivered" value={`${rate(overview.deliveryRate)}/s`} />
      <Figure title="Backlog" value={count(overview.backlog)} more="deliveries that are not settled" />
      <Figure title="Oldest pending" value={age(overview.oldestPendingAt, now)} />
      <Figure
        title="Subscriptions"
        value={count(total)}
        more={`${subscriptions.active} active, ${counted(overview.topics, 'topic')}`}
      />
      <Figure title="Workers" value={count(overview.workers)} />
      <Figure title="Publishing" value={storage.publishing} more={storageWords(storage)} />
      {reconciler && (
        <Figure
          title="Accounted for"
          value={verdictOf(reconciler)}
          more={
            reconciler.lastRunAt === null
              ? 'it is checked every minute'
              : `${counted(reconciler.deliveries, 'delivery', 'deliveries')} looked at`
          }
        />
      )}
    </dl>
  );
}

function verdictOf({ lastRunAt, violations }: NonNullable<Overview['reconciler']>): string {
  if (violations > 0) return `all but ${count(violations)}`;
  return lastRunAt === null ? 'not checked yet' : 'all';
}

function Figure({ title, value, more }: { title: string; value: string; more?: string }): JSX.Element {
  return (
    <div>
      <dt>{title}</dt>
      <dd>
        {value}
        {more !== undefined && <small>{more}</small>}
      </dd>
    </div>
  );
}

function storageWords({ databaseBytes, maxDatabaseBytes, freeBytes }: Overview['storage']): string {
  const parts = [
    databaseBytes !== null && `${bytes(databaseBytes)} stored`,
    maxDatabaseBytes !== null && `limit ${bytes(maxDatabaseBytes)}`,
    freeBytes !== null && `${bytes(freeBytes)} free`,
  ];
  return parts.filter((part) => part !== false).join(', ');
}

function Troubles({ overview }: { overview: Overview }): JSX.Element {
  const now = useNow();
  const { troubles, troubled } = overview;
  return (
    <section>
      <h2>In trouble</h2>
      {troubles.length === 0 ? (
        <Empty>No subscription: every one gets its events as they come.</Empty>
      ) : (
        <Table
          caption="Subscriptions in trouble"
          rows={troubles}
          keyOf={({ subscription }) => subscription}
          columns={[
            {
              title: 'Subscription',
              cell: (row) => <a href={linkTo(['subscriptions', row.subscription])}>{row.subscription}</a>,
            },
            { title: 'What', cell: (row) => row.troubles.map(({ kind }) => <Kind key={kind} name={kind} />) },
            {
              title: 'Why',
              cell: (row) => row.troubles.map(({ kind, reason }) => <div key={kind}>{spoken(reason, now)}</div>),
            },
            { title: 'Backlog', isFigure: true, cell: (row) => count(row.backlog) },
            { title: 'Oldest', isFigure: true, cell: (row) => age(row.oldestPendingAt, now) },
          ]}
        />
      )}
      {troubled > troubles.length && (
        <p class="quiet">
          The gravest {troubles.length} of {troubled}.
        </p>
      )}
    </section>
  );
}

function Workers(): JSX.Element {
  const { session } = useTools();
  const { state, reload } = useLoaded<Page<Worker>>('workers', (client, signal) => client.get('workers', {}, signal));
  return (
    <section>
      <h2>Workers</h2>
      <LoadedView state={state} reload={reload}>
        {({ items }) => (
          <Table
            caption="Delivery workers"
            rows={items}
            keyOf={({ workerId }) => workerId}
            columns={[
              {
                title: 'Worker',
                cell: ({ host, pid, workerId }) => (
                  <span title={`${workerId} on ${host}`}>{`${host.split(' ')[0]}, process ${pid}`}</span>
                ),
              },
              { title: 'Delivers from', cell: ({ streams, owns }) => <Owned streams={streams} owns={owns} /> },
              { title: 'Started', cell: ({ startedAt }) => <Moment at={startedAt} /> },
              { title: 'Last sign of life', cell: ({ heartbeatAt }) => <Moment at={heartbeatAt} /> },
            ]}
          />
        )}
      </LoadedView>
      {session.scopes.includes('admin') && <ReconcileAction />}
    </section>
  );
}

function Owned({ streams, owns }: Pick<Worker, 'streams' | 'owns'>): JSX.Element {
  return (
    <details>
      <summary>{counted(streams, 'stream')}</summary>
      {owns.join(', ')}
      {streams > owns.length && ` and ${streams - owns.length} more`}
    </details>
  );
}
