import { Inject, Injectable } from '@nestjs/common';
import { Subscription } from '@hookcast/database';
import type { EntityManager } from 'typeorm';
import { Greeting } from '../handshake/greeting.js';
import {
  askedNow,
  holdReason,
  isHeld,
  openState,
  toBeAsked,
  type HandshakeColumns,
} from '../handshake/handshake-state.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import { SubscriptionCredentials } from './subscription-credentials.js';
import type { Declaration } from './subscription-declarations.js';

/** What declaring and resuming have to do with whether hooks agree to events. */
@Injectable()
export class DeclaredHandshakes {
  constructor(
    private readonly greeting: Greeting,
    private readonly credentials: SubscriptionCredentials,
    @Inject(RUNTIME) private readonly runtime: Pick<Runtime, 'config' | 'clock'>,
  ) {}

  /** Asks the hooks whose URL is not the stored one, each URL once. @throws Problem handshake-refused */
  async askNew(declarations: readonly Declaration[], stored: readonly Subscription[]): Promise<Declaration[]> {
    const asked = new Map<string, Promise<HandshakeColumns>>();
    const ask = async ({ name, settings, secrets, pointer }: Declaration): Promise<HandshakeColumns> => {
      const { url, headers, rateLimit } = settings;
      const key = JSON.stringify([url, headers, secrets.credentials]);
      const hook = { url, headers, rateLimit, credentials: this.credentials.usable(secrets.credentials) };
      const answer = asked.get(key) ?? this.greeting.ask(name, hook, `${pointer}/url`);
      asked.set(key, answer);
      return answer;
    };
    return Promise.all(
      declarations.map(async (one) => {
        const isKnown = stored.some(({ name, url }) => name === one.name && url === one.settings.url);
        return isKnown ? one : { ...one, greeting: await ask(one) };
      }),
    );
  }

  /** Resuming what the handshake holds back asks the hook once more. @throws Problem handshake-refused */
  async askHeld(subscription: Subscription): Promise<HandshakeColumns | undefined> {
    const hold = holdReason(subscription.handshake, this.runtime.config.handshake);
    if (hold === undefined && !isHeld(subscription)) return undefined;
    const { name, url, headers, rateLimit } = subscription;
    return this.greeting.ask(name, { url, headers, rateLimit, credentials: this.credentials.open(subscription) }, '');
  }

  /** Of a new URL. It may have become one after the hooks were asked: then it is the next to be. */
  columnsOf({ greeting }: Declaration): HandshakeColumns & Pick<Subscription, 'neverAnswered'> {
    const columns = greeting ?? toBeAsked(this.runtime.config.handshake, this.runtime.clock.now());
    return { neverAnswered: true, ...columns };
  }

  /** They were declared again, as they are. No control change: nobody but who asks has to hear of it. */
  async repeated(tx: EntityManager, subscriptions: readonly Subscription[]): Promise<void> {
    for (const one of subscriptions) {
      const columns = askedNow(one, this.runtime.clock.now());
      if (columns !== undefined) await tx.update(Subscription, { id: one.id, url: one.url }, columns);
    }
  }

  /** The state of a subscription that is to be sent to. */
  openState(handshake: Subscription['handshake']): Pick<Subscription, 'state' | 'stateReason'> {
    return openState(handshake, this.runtime.config.handshake);
  }
}
