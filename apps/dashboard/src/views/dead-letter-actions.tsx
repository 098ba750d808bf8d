import type { ComponentChildren, JSX } from 'preact';
import type { ApiClient } from '../api/client.js';
import type { DryRun, Operation } from '../api/event-model.js';
import { Action, type Answers } from '../parts/action.js';
import { begunWords, dryRunWords } from './replay-action.js';

/** Dead letters of one subscription, as the API takes them. */
export interface AskedDeadLetters {
  subscription: string;
  ids?: readonly string[];
  filter?: Readonly<Record<string, string | undefined>>;
}

interface DeadLetterActionsProps {
  asked: readonly AskedDeadLetters[];
  onDone: () => void;
  /** Added to what the buttons say. */
  what?: string;
}

/** Deliver dead letters again, or let them go; both say how many first. */
export function DeadLetterActions({ asked, onDone, what = '' }: DeadLetterActionsProps): JSX.Element {
  const names = asked.map(({ subscription }) => subscription).join(', ');
  const isDisabled = asked.length === 0;
  return (
    <div class="buttons">
      <Action
        label={`Redrive${what} …`}
        title={`Deliver dead letters of ${names} again`}
        confirm="Redrive"
        isDisabled={isDisabled}
        dryRun={async (client, answers) => tried(client, 'redrive', { asked, answers })}
        run={async (client, answers) => begun(client, 'redrive', { asked, answers })}
        onDone={onDone}
      >
        <p>They are sent again from the first attempt. What fails again becomes a dead letter again.</p>
        <label>
          At most so many a second
          <input name="rate" type="number" min="1" max="10000" step="1" value="50" required />
        </label>
      </Action>
      <Action
        label={`Discard${what} …`}
        title={`Let dead letters of ${names} go`}
        confirm="Discard for good"
        isDangerous
        isDisabled={isDisabled}
        dryRun={async (client, answers) => tried(client, 'discard', { asked, answers })}
        run={async (client, answers) => begun(client, 'discard', { asked, answers })}
        onDone={onDone}
      >
        <p>They will not be delivered any more, and their payloads go with them. This cannot be taken back.</p>
      </Action>
    </div>
  );
}

type Verb = 'redrive' | 'discard';

interface Question {
  asked: readonly AskedDeadLetters[];
  answers: Answers;
}

const rateIn = ({ rate = '' }: Answers): { rate?: number } => (Number(rate) > 0 ? { rate: Number(rate) } : {});

async function tried(client: ApiClient, verb: Verb, { asked, answers }: Question): Promise<ComponentChildren> {
  const runs: DryRun[] = [];
  for (const one of asked)
    runs.push(await client.post<DryRun>(`dead-letters/${verb}`, { ...one, ...rateIn(answers), dryRun: true }));
  const total = runs.reduce((sum, run) => sum + run.total, 0);
  const isExact = runs.every((run) => run.isExact);
  return dryRunWords({ total, isExact, sample: runs.flatMap(({ sample }) => sample) }, Number(answers['rate']));
}

async function begun(client: ApiClient, verb: Verb, { asked, answers }: Question): Promise<ComponentChildren> {
  const operations: Operation[] = [];
  for (const one of asked)
    operations.push(await client.post<Operation>(`dead-letters/${verb}`, { ...one, ...rateIn(answers) }));
  return operations.map((operation) => <p key={operation.id}>{begunWords(operation)}</p>);
}
