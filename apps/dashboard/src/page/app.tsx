import type { FunctionComponent, JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { Asking } from '../parts/action.js';
import { AuditView } from '../views/audit.js';
import { DeadLettersView } from '../views/dead-letters.js';
import { EventView } from '../views/event.js';
import { EventsView } from '../views/events.js';
import { OperationView } from '../views/operation.js';
import { OperationsView } from '../views/operations.js';
import { OverviewView } from '../views/overview.js';
import { ServicesView } from '../views/services.js';
import { SourceView } from '../views/source.js';
import { SourcesView } from '../views/sources.js';
import { SubscriptionView } from '../views/subscription.js';
import { SubscriptionsView } from '../views/subscriptions.js';
import { TopicsView } from '../views/topics.js';
import { useTools } from './client-context.js';
import { linkTo } from './place.js';
import { usePlace } from './use-place.js';
import type { ViewProps } from './view-props.js';

interface Section {
  name: string;
  title: string;
  list: FunctionComponent<ViewProps>;
  /** For one of them; without it everything is in the list. */
  one?: FunctionComponent<ViewProps>;
}

const sections: readonly Section[] = [
  { name: '', title: 'Overview', list: OverviewView },
  { name: 'subscriptions', title: 'Subscriptions', list: SubscriptionsView, one: SubscriptionView },
  { name: 'events', title: 'Events', list: EventsView, one: EventView },
  { name: 'dead-letters', title: 'Dead letters', list: DeadLettersView },
  { name: 'operations', title: 'Operations', list: OperationsView, one: OperationView },
  { name: 'topics', title: 'Topics', list: TopicsView },
  { name: 'services', title: 'Services', list: ServicesView },
  { name: 'sources', title: 'Sources', list: SourcesView, one: SourceView },
  { name: 'audit', title: 'Audit log', list: AuditView },
];

/** Navigation, and the view that the address names. */
export function App(): JSX.Element {
  const place = usePlace();
  const { client, session } = useTools();
  const section = sections.find(({ name }) => name === (place.path[0] ?? ''));
  const View = place.path.length > 1 ? (section?.one ?? section?.list) : section?.list;
  useEffect(() => {
    document.title = [place.path[1], section?.title, 'Hookcast'].filter((part) => part !== undefined).join(' · ');
  }, [place.path[1], section]);
  return (
    <div class="page" onPointerDown={() => client.touch()} onKeyDown={() => client.touch()}>
      <a class="skip" href="#main" onClick={skip}>
        Skip to the content
      </a>
      <nav aria-label="Sections">
        {sections.map(({ name, title }) => (
          <a key={name} href={linkTo([name])} aria-current={name === section?.name ? 'page' : undefined}>
            {title}
          </a>
        ))}
        <a href="docs">API</a>
      </nav>
      <main id="main" tabIndex={-1}>
        <Asking>{View ? <View place={place} /> : <NoSuchView />}</Asking>
      </main>
      <footer>
        Hookcast {session.version} · namespace {session.namespace} · scopes of your key:{' '}
        {session.scopes.join(', ') || 'none'}
      </footer>
    </div>
  );
}

/** The address names the view, so the jump must not go into it. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById('main')?.focus();
}

function NoSuchView(): JSX.Element {
  return (
    <p class="empty">
      There is no such view. <a href={linkTo([])}>To the overview</a>
    </p>
  );
}
