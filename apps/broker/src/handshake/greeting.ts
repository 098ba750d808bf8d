import { Inject, Injectable } from '@nestjs/common';
import { Problem } from '../http/problem.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import { handshakeColumns, notAsked, type HandshakeColumns } from './handshake-state.js';
import type { HandshakeOutcome } from './handshake-verdict.js';
import { HookHandshake, type AskedHook } from './hook-handshake.js';

/** Whoever registers waits so long for a hook's answer. One that needs more is asked again in the background. */
const patienceMs = 1_000;

/** Asks a hook while somebody waits for the answer to a request. */
@Injectable()
export class Greeting {
  constructor(
    private readonly hooks: HookHandshake,
    @Inject(RUNTIME) private readonly runtime: Runtime,
  ) {}

  /**
   * How the hook answered. Never depends on it being up: a service may register before it listens.
   *
   * @param pointer where its URL stands in the request
   * @throws Problem handshake-refused when the hook says no
   */
  async ask(name: string, hook: AskedHook, pointer: string): Promise<HandshakeColumns> {
    const { handshake: mode } = this.runtime.config;
    if (mode === 'off') return notAsked;
    const outcome = await this.hooks.ask(hook, patienceMs);
    this.report(name, outcome);
    if (outcome.kind === 'refused') {
      throw new Problem('handshake-refused', { detail: outcome.detail, errors: [{ pointer, detail: outcome.detail }] });
    }
    return handshakeColumns(outcome, { mode, now: this.runtime.clock.now(), tries: 0 });
  }

  private report(subscription: string, outcome: HandshakeOutcome): void {
    const { kind, ...told } = outcome;
    this.runtime.log.info({ subscription, outcome: kind, ...told }, 'subscription.handshake');
  }
}
