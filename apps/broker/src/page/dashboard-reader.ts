import { Injectable } from '@nestjs/common';
import { inNamespace } from '../auth/namespace.js';
import { allows } from '../auth/scope.js';
import type { Session } from '../auth/sessions.js';
import { DeadLettersService } from '../dead-letters/dead-letters.service.js';
import { OverviewService } from '../overview/overview.service.js';
import { SubscriptionsService } from '../subscriptions/subscriptions.service.js';
import { TopicsService } from '../topics/topics.service.js';
import type { DashboardFacts } from './dashboard.js';

/** More than fits a glance: the API has the rest. */
const shown = 100;

/** Reads what the page shows, as the key of the session may see it. */
@Injectable()
export class DashboardReader {
  constructor(
    private readonly overviews: OverviewService,
    private readonly topics: TopicsService,
    private readonly subscriptions: SubscriptionsService,
    private readonly deadLetters: DeadLettersService,
  ) {}

  /** Undefined for a key without the scope `read`. */
  async read({ principal, csrfToken }: Session): Promise<DashboardFacts | undefined> {
    if (!allows(principal, 'read')) return undefined;
    return inNamespace(principal.namespace, async () => {
      const [overview, topics, subscriptions, deadLetters] = await Promise.all([
        this.overviews.overview(),
        this.topics.list({ limit: shown }),
        this.subscriptions.list({ limit: shown }),
        this.deadLetters.list({ limit: shown }),
      ]);
      return {
        keyName: principal.name,
        csrfToken,
        overview,
        topics: topics.items,
        subscriptions: subscriptions.items,
        deadLetters: deadLetters.items,
      };
    });
  }
}
