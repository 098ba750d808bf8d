import { createContext, type ComponentChildren, type JSX } from 'preact';
import { useContext, useEffect, useRef, useState } from 'preact/hooks';
import type { ApiClient } from '../api/client.js';
import { failureOf, type Failure } from '../api/failure.js';
import { useTools } from '../page/client-context.js';
import { FailureNote } from './states.js';
import { textOf } from './filter-form.js';

/** What somebody filled in, by the names of the fields. */
export type Answers = Readonly<Record<string, string>>;

export interface ActionProps {
  /** What the button says. */
  label: string;
  title?: string;
  /** What will happen, and fields to fill in. */
  children?: ComponentChildren;
  /** Asked before, so that the numbers are seen first; again with `Check` when a field changed. */
  dryRun?: (client: ApiClient, answers: Answers) => Promise<ComponentChildren>;
  run: (client: ApiClient, answers: Answers) => Promise<ComponentChildren | void>;
  /** What the button that does it says; the label where absent. */
  confirm?: string;
  isDangerous?: boolean;
  isDisabled?: boolean;
  onDone?: () => void;
}

/**
 * A button that asks before it does something, says in numbers what will happen, and then what did. What it asks stays open
 * when the view changes below it: what was done may well make its row go.
 */
export function Action(props: ActionProps): JSX.Element {
  const ask = useContext(AskContext);
  return (
    <button
      type="button"
      class={props.isDangerous ? 'dangerous' : ''}
      disabled={props.isDisabled}
      onClick={() => ask(props)}
    >
      {props.label}
    </button>
  );
}

const AskContext = createContext<(props: ActionProps) => void>(() => undefined);

/** The place where questions are asked, around everything that asks. */
export function Asking({ children }: { children: ComponentChildren }): JSX.Element {
  const [asked, setAsked] = useState<{ number: number; props: ActionProps } | undefined>();
  const ask = (props: ActionProps) => setAsked((before) => ({ number: (before?.number ?? 0) + 1, props }));
  // A dialog hears of its end a moment after it is gone from the screen: somebody may have asked the next question by then.
  const end = (number: number) => setAsked((now) => (now?.number === number ? undefined : now));
  useEffect(() => {
    // An answer may hold a link to where things go on.
    const leave = () => setAsked(undefined);
    addEventListener('hashchange', leave);
    return () => removeEventListener('hashchange', leave);
  }, []);
  return (
    <AskContext.Provider value={ask}>
      {children}
      {asked && <ActionDialog key={asked.number} {...asked.props} onClose={() => end(asked.number)} />}
    </AskContext.Provider>
  );
}

type Step =
  | { kind: 'asking' }
  | { kind: 'busy' }
  | { kind: 'checked'; words: ComponentChildren }
  | { kind: 'failed'; failure: Failure }
  | { kind: 'done'; words: ComponentChildren };

function ActionDialog({ onClose, onDone, ...props }: ActionProps & { onClose: () => void }): JSX.Element {
  const { client } = useTools();
  const dialog = useRef<HTMLDialogElement>(null);
  const form = useRef<HTMLFormElement>(null);
  const [step, setStep] = useState<Step>({ kind: 'asking' });
  const attempt = async (work: () => Promise<Step>) => {
    setStep({ kind: 'busy' });
    setStep(await work().catch((error: unknown): Step => ({ kind: 'failed', failure: failureOf(error) })));
  };
  const check = async () => {
    const { dryRun } = props;
    if (dryRun) await attempt(async () => ({ kind: 'checked', words: await dryRun(client, answersIn(form.current)) }));
  };
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    client.touch();
    await attempt(async () => {
      const words = await props.run(client, answersIn(form.current));
      onDone?.();
      return { kind: 'done', words: words ?? 'Done.' };
    });
  };
  useEffect(() => {
    dialog.current?.showModal();
    void check();
  }, []);
  return (
    <dialog ref={dialog} onClose={onClose} aria-label={props.title ?? props.label}>
      <h2>{props.title ?? props.label}</h2>
      <form ref={form} onSubmit={(event) => void submit(event)} onChange={() => void check()}>
        {step.kind !== 'done' && props.children}
        <StepNote step={step} />
        <DialogButtons step={step} props={props} onClose={() => dialog.current?.close()} />
      </form>
    </dialog>
  );
}

function StepNote({ step }: { step: Step }): JSX.Element {
  return (
    <div aria-live="polite">
      {step.kind === 'busy' && <p class="quiet">One moment …</p>}
      {step.kind === 'checked' && <div class="note">{step.words}</div>}
      {step.kind === 'done' && <div class="note good">{step.words}</div>}
      {step.kind === 'failed' && <FailureNote failure={step.failure} />}
    </div>
  );
}

function DialogButtons(parts: { step: Step; props: ActionProps; onClose: () => void }): JSX.Element {
  const { step, props, onClose } = parts;
  if (step.kind === 'done')
    return (
      <p class="buttons">
        <button type="button" class="main" onClick={onClose}>
          Close
        </button>
      </p>
    );
  return (
    <p class="buttons">
      <button type="button" onClick={onClose}>
        Cancel
      </button>
      <button
        type="submit"
        class={props.isDangerous ? 'main dangerous' : 'main'}
        disabled={step.kind === 'busy' || (props.dryRun !== undefined && step.kind !== 'checked')}
      >
        {props.confirm ?? props.label}
      </button>
    </p>
  );
}

function answersIn(form: HTMLFormElement | null): Answers {
  if (!form) return {};
  return Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, textOf(value).trim()]));
}
