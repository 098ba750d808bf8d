import { Inject, Injectable } from '@nestjs/common';
import type { Subscription } from '@hookcast/database';
import { Greeting } from '../handshake/greeting.js';
import { holdReason, isHeld, openState, toBeAsked, type HandshakeColumns } from '../handshake/handshake-state.js';
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

  /** The URL may have become new after the hooks were asked: then it is the next to be. */
  columnsOf({ greeting }: Declaration): HandshakeColumns {
    return greeting ?? toBeAsked(this.runtime.config.handshake, this.runtime.clock.now());
  }

  /** The state of a subscription that is to be sent to. */
  openState(handshake: Subscription['handshake']): Pick<Subscription, 'state' | 'stateReason'> {
    return openState(handshake, this.runtime.config.handshake);
  }
}
