import { Injectable } from '@nestjs/common';
import type { Subscription } from '@hookcast/database';
import { SubscriptionCredentials } from '../subscriptions/subscription-credentials.js';
import type { HandshakeOutcome } from './handshake-verdict.js';
import { HookHandshake } from './hook-handshake.js';

/** Asks the hooks of stored subscriptions, with their credentials in the clear. */
@Injectable()
export class StoredHooks {
  constructor(
    private readonly hooks: HookHandshake,
    private readonly credentials: SubscriptionCredentials,
  ) {}

  /** @throws UnsealError */
  async ask(subscription: Subscription, timeoutMs: number): Promise<HandshakeOutcome> {
    const { url, headers, rateLimit } = subscription;
    return this.hooks.ask({ url, headers, rateLimit, credentials: this.credentials.open(subscription) }, timeoutMs);
  }
}
