import { Dispatcher, type DispatcherOptions } from './dispatcher.js';
import type { OutgoingEvent } from './outgoing-event.js';
import { PendingPublish, type Failure } from './pending-publish.js';
import { isOutOfScope, type PublishError } from './publish-error.js';

/** Sends calls that nobody waits for any more: for as long as it takes, one request at a time for each topic. */
export class SpoolSender {
  private readonly dispatcher: Dispatcher;
  private readonly sending = new Set<PendingPublish>();
  private isClosed = false;

  constructor(options: DispatcherOptions) {
    // One request of a topic at a time keeps the order of the spool for events without a key, too.
    const settings = { ...options.settings, maxRequestsPerTopic: 1, maxAttempts: Infinity };
    this.dispatcher = new Dispatcher({ ...options, settings });
  }

  /** What the broker had against the call; undefined when it took it. */
  async send(events: readonly OutgoingEvent[]): Promise<PublishError | undefined> {
    return new Promise((resolve) => {
      const call: PendingPublish = new PendingPublish(events, Infinity, {
        timeoutMs: Infinity,
        signal: undefined,
        resolve: () => resolve(undefined),
        reject: (error) => {
          resolve(error);
          if (isOutOfScope(error)) this.giveUp(topicOf(events), error);
        },
        onSettled: () => this.sending.delete(call),
      });
      this.sending.add(call);
      if (this.isClosed) call.fail(closed);
      else this.dispatcher.add(call);
    });
  }

  /** Ends what is under way; it may be stored all the same. */
  close(): void {
    this.isClosed = true;
    for (const call of this.sending) call.fail(closed);
  }

  /** If the key may publish there again a moment later, what follows must not be stored before what was refused. */
  private giveUp(topic: string, { reason, message, status, problem }: PublishError): void {
    for (const call of this.sending) {
      if (topicOf(call.events) === topic) call.fail({ reason, message, status, problem });
    }
  }
}

export const topicOf = (events: readonly OutgoingEvent[]): string => events[0]?.topic ?? '';

const closed: Failure = { reason: 'closed', message: 'The publisher is closed.' };
