import type { JSX } from 'preact';
import type { Subscription } from '../api/model.js';
import { linkTo } from '../page/place.js';
import { Moment } from '../parts/moment.js';
import { settingsOf } from '../words/settings.js';

/** What was declared. The service that declared it changes it, not this page: the next deploy would undo that. */
export function SubscriptionSettings({ subscription }: { subscription: Subscription }): JSX.Element {
  const { service, url, topics, filter, leasedUntil } = subscription;
  return (
    <section>
      <h2>Settings</h2>
      <dl class="facts">
        <dt>Hook</dt>
        <dd class="code">{url}</dd>
        <dt>Topics</dt>
        <dd class="code">{topics.join(' ')}</dd>
        <dt>Service</dt>
        <dd>{service === null ? 'none: declared by itself' : <a href={linkTo(['services'])}>{service}</a>}</dd>
        <dt>Filter</dt>
        <dd class="code">{filter ?? 'none'}</dd>
        {settingsOf(subscription).map(([title, words]) => (
          <>
            <dt key={title}>{title}</dt>
            <dd key={`${title} words`}>{words}</dd>
          </>
        ))}
        <dt>Leased until</dt>
        <dd>{leasedUntil === null ? 'for ever' : <Moment at={leasedUntil} />}</dd>
        <dt>Changed</dt>
        <dd>
          <Moment at={subscription.updatedAt} />
        </dd>
      </dl>
    </section>
  );
}
