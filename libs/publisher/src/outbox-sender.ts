import { performance } from 'node:perf_hooks';
import { Dispatcher } from './dispatcher.js';
import type { OutgoingEvent } from './outgoing-event.js';
import { PendingPublish, type Failure } from './pending-publish.js';
import { isOutOfScope, isRefusal, type PublishError } from './publish-error.js';
import type { PublisherSettings } from './settings.js';
import { Transport } from './transport.js';

/**
 * Publishes events of an outbox in their order. The first sign that the broker is away ends all that is under way: an
 * event must not be published when one before it was not. A topic that the key may not publish to ends alone.
 */
export class OutboxSender {
  private readonly transport: Transport;
  private readonly dispatcher: Dispatcher;
  private readonly sending = new Set<PendingPublish>();

  constructor(settings: PublisherSettings) {
    this.transport = new Transport(settings);
    this.dispatcher = new Dispatcher({
      settings: { ...settings, maxRequestsPerTopic: 1, maxAttempts: Infinity },
      transport: this.transport,
      clock: { now: () => Date.now(), elapsed: () => performance.now() },
      random: Math.random,
      onUnavailable: () => this.giveUp(),
    });
  }

  /** What kept each of the events from being stored; undefined for those that are. */
  async send(events: readonly OutgoingEvent[]): Promise<(PublishError | undefined)[]> {
    return Promise.all(events.map(async (event) => this.sendOne(event)));
  }

  /** Ends what is under way; it may be stored all the same. */
  giveUp(): true {
    const calls = [...this.sending];
    this.sending.clear();
    for (const call of calls) call.fail(away);
    return true;
  }

  private giveUpTopic(topic: string, { reason, message, status, problem }: PublishError): void {
    for (const call of this.sending) {
      if (call.events[0]?.topic === topic) call.fail({ reason, message, status, problem });
    }
  }

  close(): void {
    this.giveUp();
    this.transport.close();
  }

  private async sendOne(event: OutgoingEvent): Promise<PublishError | undefined> {
    return new Promise((resolve) => {
      const call: PendingPublish = new PendingPublish([event], Infinity, {
        timeoutMs: Infinity,
        signal: undefined,
        resolve: () => resolve(undefined),
        reject: (error) => {
          resolve(error);
          if (isOutOfScope(error)) this.giveUpTopic(event.topic, error);
          else if (!isRefusal(error)) this.giveUp();
        },
        onSettled: () => this.sending.delete(call),
      });
      this.sending.add(call);
      this.dispatcher.add(call);
    });
  }
}

const away: Failure = { reason: 'unreachable', message: 'The broker is away.' };
