import type { JSX } from 'preact';
import { segment, type ApiClient } from '../api/client.js';
import type { Operation } from '../api/event-model.js';
import { linkTo } from '../page/place.js';
import { useLoaded } from '../page/use-loaded.js';
import type { ViewProps } from '../page/view-props.js';
import { Action } from '../parts/action.js';
import { Kind } from '../parts/kind.js';
import { Moment } from '../parts/moment.js';
import { LoadedView } from '../parts/states.js';
import { progressWords, settledOf } from '../words/progress.js';
import { count, counted } from '../words/quantities.js';

/** One operation, with its progress and a way to end it. */
export function OperationView({ place }: ViewProps): JSX.Element {
  const id = place.path[1] ?? '';
  const { state, reload } = useLoaded<Operation>(
    `operation ${id}`,
    (client, signal) => client.get(`operations/${segment(id)}`, {}, signal),
    1_000,
  );
  return (
    <>
      <p class="crumbs">
        <a href={linkTo(['operations'])}>Operations</a>
      </p>
      <LoadedView state={state} reload={reload}>
        {(operation) => <Shown operation={operation} onDone={reload} />}
      </LoadedView>
    </>
  );
}

function Shown({ operation, onDone }: { operation: Operation; onDone: () => void }): JSX.Element {
  const { kind, subscription, status, rate, createdAt, createdBy, finishedAt } = operation;
  return (
    <>
      <h1>
        {kind} of {subscription}
      </h1>
      <p>
        <Kind name={status} /> <Progress operation={operation} /> {progressWords(operation, Date.now())}
      </p>
      {finishedAt === null && <CancelAction operation={operation} onDone={onDone} />}
      <dl class="facts">
        <dt>Subscription</dt>
        <dd>
          <a href={linkTo(['subscriptions', subscription])}>{subscription}</a>
        </dd>
        <dt>At most a second</dt>
        <dd>{rate === null ? 'no limit' : count(rate)}</dd>
        <dt>Begun</dt>
        <dd>
          <Moment at={createdAt} /> by {createdBy}
        </dd>
        <dt>Finished</dt>
        <dd>
          <Moment at={finishedAt} />
        </dd>
      </dl>
    </>
  );
}

function CancelAction({ operation, onDone }: { operation: Operation; onDone: () => void }): JSX.Element {
  const { id, total } = operation;
  const run = async (client: ApiClient) => {
    await client.delete(`operations/${segment(id)}`);
    return 'It is cancelled.';
  };
  return (
    <Action
      label="Cancel it …"
      title="Cancel this operation?"
      confirm="Cancel the operation"
      isDangerous
      run={run}
      onDone={onDone}
    >
      <p>
        {counted(Math.max(0, total - settledOf(operation)), 'delivery', 'deliveries')} will not be sent by it. What is
        done stays done; what is under way at this moment ends as it will.
      </p>
    </Action>
  );
}

/** A bar; the words beside it say the same. */
export function Progress({ operation }: { operation: Operation }): JSX.Element {
  const { total, kind, subscription } = operation;
  return (
    <progress
      max={Math.max(total, 1)}
      value={settledOf(operation)}
      aria-label={`Progress of the ${kind} of ${subscription}`}
    />
  );
}
