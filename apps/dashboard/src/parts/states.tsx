import type { ComponentChildren, JSX } from 'preact';
import { failureWords, type Failure } from '../api/failure.js';
import type { Loaded } from '../page/use-loaded.js';

/** What went wrong and what to do, announced to screen readers. */
export function FailureNote({ failure, onRetry }: { failure: Failure; onRetry?: () => void }): JSX.Element {
  const { title, advice } = failureWords(failure);
  return (
    <div class="note bad" role="alert">
      <strong>{title}.</strong> <span>{advice}</span>
      {failure.status === 401 ? (
        <button type="button" onClick={() => location.reload()}>
          Log in again
        </button>
      ) : (
        onRetry && (
          <button type="button" onClick={onRetry}>
            Try again
          </button>
        )
      )}
    </div>
  );
}

interface LoadedViewProps<T> {
  state: Loaded<T>;
  reload: () => void;
  children: (value: T) => ComponentChildren;
}

/** Shows what was loaded; until then, or where it failed, says so. */
export function LoadedView<T>({ state, reload, children }: LoadedViewProps<T>): JSX.Element {
  switch (state.kind) {
    case 'loading':
      return (
        <p class="quiet" role="status">
          Loading …
        </p>
      );
    case 'failed':
      return <FailureNote failure={state.failure} onRetry={reload} />;
    case 'ready':
      return (
        <>
          {state.failure && <FailureNote failure={state.failure} onRetry={reload} />}
          {children(state.value)}
        </>
      );
  }
}

/** Says why there is nothing, and what would change that. */
export function Empty({ children }: { children: ComponentChildren }): JSX.Element {
  return <p class="empty">{children}</p>;
}
