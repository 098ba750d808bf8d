import type { ComponentChildren, JSX } from 'preact';
import { segment, type ApiClient } from '../api/client.js';
import type { HookTest, SeekCounts, Subscription } from '../api/model.js';
import { Action, type Answers } from '../parts/action.js';
import { count, counted, duration } from '../words/quantities.js';
import { ReplayAction } from './replay-action.js';

interface ActionsProps {
  subscription: Subscription;
  onDone: () => void;
}

/** What may be done about a subscription. */
export function SubscriptionActions({ subscription, onDone }: ActionsProps): JSX.Element {
  const { name } = subscription;
  return (
    <div class="buttons">
      <PauseAction subscription={subscription} onDone={onDone} />
      <ResumeAction subscription={subscription} onDone={onDone} />
      <Action label="Send a test event" run={(client) => sendTest(client, name)}>
        <p>
          Sends one signed test event to <code>{subscription.url}</code> now, and shows what the hook answers. It is in
          no topic and no other subscription gets it.
        </p>
      </Action>
      <ReplayAction subscription={name} />
      <SeekAction subscription={subscription} onDone={onDone} />
      <RotateAction name={name} onDone={onDone} />
    </div>
  );
}

const pathOf = (name: string, action: string): string => `subscriptions/${segment(name)}/${action}`;

function PauseAction({ subscription, onDone }: ActionsProps): JSX.Element {
  const { name, state, backlog } = subscription;
  const run = async (client: ApiClient) => {
    await client.post(pathOf(name, 'pause'));
    return 'It is paused: nothing more is sent, and nothing is lost.';
  };
  return (
    <Action label="Pause" isDisabled={state === 'paused'} title={`Pause ${name}?`} run={run} onDone={onDone}>
      <p>
        Nothing is sent to its hook until somebody resumes it. {counted(backlog, 'event')} wait now; they and all that
        come are kept for as long as their topics keep events.
      </p>
    </Action>
  );
}

function ResumeAction({ subscription, onDone }: ActionsProps): JSX.Element {
  const { name, state, backlog } = subscription;
  const run = async (client: ApiClient, { drainRate = '' }: Answers) => {
    await client.post(pathOf(name, 'resume'), drainRate === '' ? {} : { drainRate: Number(drainRate) });
    return 'It is resumed.';
  };
  return (
    <Action
      label="Resume"
      isDisabled={state === 'active' || state === 'stale'}
      title={`Resume ${name}?`}
      run={run}
      onDone={onDone}
    >
      <p>{counted(backlog, 'event')} wait and will be sent now, the oldest first.</p>
      <label>
        At most so many of them a second (empty: as fast as its window and limit allow)
        <input name="drainRate" type="number" min="0.01" step="any" />
      </label>
    </Action>
  );
}

function SeekAction({ subscription, onDone }: ActionsProps): JSX.Element {
  const { name } = subscription;
  const dryRun = async (client: ApiClient, answers: Answers) =>
    seekWords(await client.post<SeekCounts>(pathOf(name, 'seek'), { to: seekTarget(answers), dryRun: true }));
  const run = async (client: ApiClient, answers: Answers) =>
    seekWords(await client.post<SeekCounts>(pathOf(name, 'seek'), { to: seekTarget(answers) }));
  return (
    <Action
      label="Seek …"
      title={`Move ${name}`}
      confirm="Move it"
      isDangerous
      dryRun={dryRun}
      run={run}
      onDone={onDone}
    >
      <p>
        Delivery goes on from another place of its topics. What is left out is counted; what is behind the place is sent
        again.
      </p>
      <label>
        To
        <select name="to">
          <option value="latest">the newest event: leave out all that waits</option>
          <option value="earliest">the oldest event there is: send everything again</option>
          <option value="time">a time</option>
        </select>
      </label>
      <label>
        The time, in your time zone (for “a time”)
        <input name="time" type="datetime-local" step="1" />
      </label>
    </Action>
  );
}

function seekTarget({ to = 'latest', time = '' }: Answers): string {
  return to === 'time' && time !== '' ? new Date(time).toISOString() : to;
}

function seekWords({ seek }: SeekCounts): string {
  const { streams, skipped, repeated } = seek;
  if (streams === 0) return 'No event has been published to its topics yet: there is nothing to move.';
  return `${count(skipped)} waiting ${skipped === 1 ? 'event is' : 'events are'} left out, ${counted(repeated, 'event')} sent again, in ${counted(streams, 'stream')}.`;
}

function RotateAction({ name, onDone }: { name: string; onDone: () => void }): JSX.Element {
  const run = async (client: ApiClient, { graceSeconds = '86400' }: Answers) => {
    const { secret } = await client.post<Subscription>(pathOf(name, 'rotate-secret'), {
      graceSeconds: Number(graceSeconds),
    });
    return (
      <>
        <p>The new secret, shown this once:</p>
        <pre>{secret}</pre>
      </>
    );
  };
  return (
    <Action label="Rotate secret" title={`Rotate the secret of ${name}?`} isDangerous run={run} onDone={onDone}>
      <p>
        A new secret signs from now on, beside the old one until its grace ends. A receiver that is given its secret by
        the SDK takes the new one by itself; any other has to be told within the grace.
      </p>
      <label>
        The old one signs for so many seconds more
        <input name="graceSeconds" type="number" min="0" step="1" value="86400" />
      </label>
    </Action>
  );
}

async function sendTest(client: ApiClient, name: string): Promise<ComponentChildren> {
  const { status, durationMs, response, error } = await client.post<HookTest>(pathOf(name, 'test'));
  return (
    <>
      <p>
        {status === null ? 'No answer' : `The hook answered ${status}`} after {duration(durationMs)}
        {error !== null && `: ${error}`}.
      </p>
      {response !== '' && <pre>{response}</pre>}
    </>
  );
}
