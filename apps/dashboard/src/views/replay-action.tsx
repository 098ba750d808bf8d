import type { ComponentChildren, JSX } from 'preact';
import { segment, type ApiClient } from '../api/client.js';
import type { DryRun, Operation } from '../api/event-model.js';
import { Action, type Answers } from '../parts/action.js';
import { linkTo } from '../page/place.js';
import { counted, duration } from '../words/quantities.js';

/** Deliver past events to a subscription again. */
export function ReplayAction({ subscription }: { subscription: string }): JSX.Element {
  const path = `subscriptions/${segment(subscription)}/replays`;
  const dryRun = async (client: ApiClient, answers: Answers) => {
    const body = replayBody(answers);
    if (!body) return 'Say from when, and how many come to it is shown here.';
    return dryRunWords(await client.post<DryRun>(path, { ...body, dryRun: true }), Number(answers['rate']));
  };
  const run = async (client: ApiClient, answers: Answers): Promise<ComponentChildren> =>
    begunWords(await client.post<Operation>(path, replayBody(answers) ?? { from: '' }));
  return (
    <Action
      label="Replay …"
      title={`Deliver past events to ${subscription} again`}
      confirm="Replay"
      dryRun={dryRun}
      run={run}
    >
      <p>They come with the same ids and the header hookcast-replay: true, beside live traffic.</p>
      <label>
        From, in your time zone
        <input name="from" type="datetime-local" step="1" required />
      </label>
      <label>
        To (empty: until now)
        <input name="to" type="datetime-local" step="1" />
      </label>
      <label>
        At most so many a second
        <input name="rate" type="number" min="1" max="10000" step="1" value="50" required />
      </label>
    </Action>
  );
}

function replayBody({ from = '', to = '', rate = '' }: Answers): { from: string } | undefined {
  if (from === '') return undefined;
  return {
    from: new Date(from).toISOString(),
    ...(to !== '' && { to: new Date(to).toISOString() }),
    ...(Number(rate) > 0 && { rate: Number(rate) }),
  };
}

/** How many, how long that takes, and some of them. */
export function dryRunWords({ total, isExact, sample }: DryRun, rate: number): ComponentChildren {
  const takes = rate > 0 && total > 0 ? `, ${duration((total / rate) * 1000)} at ${rate} a second` : '';
  return (
    <>
      <p>
        <strong>
          {isExact ? '' : 'At most '}
          {counted(total, 'delivery', 'deliveries')}
        </strong>
        {takes}.
      </p>
      {sample.length > 0 && (
        <p class="quiet">
          Among them{' '}
          {sample
            .slice(0, 5)
            .map(({ eventId, topic }) => `${topic} ${eventId}`)
            .join(', ')}
        </p>
      )}
    </>
  );
}

export function begunWords({ id, total }: Operation): ComponentChildren {
  return (
    <>
      It has begun with {counted(total, 'delivery', 'deliveries')}:{' '}
      <a href={linkTo(['operations', id])}>see how far it is</a>.
    </>
  );
}
