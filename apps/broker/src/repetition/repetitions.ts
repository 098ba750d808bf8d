import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { AuditTrail } from '../audit/audit-trail.js';
import { asBroker, callerNamespace } from '../auth/namespace.js';
import { ControlPlane } from '../control/control-plane.js';
import { Problem } from '../http/problem.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import {
  claimRequest,
  deleteRequestsBefore,
  findRequest,
  forgetRequest,
  keepAnswer,
  type BegunRequest,
} from './answered-request-store.js';
import type { Asking } from './asking.js';

const rememberedMs = 86_400_000;
/** What a request may take besides waiting for a hook. */
const slackMs = 60_000;

/**
 * Answers a repeated request like the first time and does nothing, where nothing else would tell it from a new one: for a
 * day, by caller and Idempotency-Key.
 */
@Injectable()
export class Repetitions {
  constructor(
    private readonly control: ControlPlane,
    private readonly trail: AuditTrail,
    @Inject(RUNTIME) private readonly runtime: Pick<Runtime, 'clock' | 'config'>,
  ) {}

  /**
   * What `work` gives, or gave the first time. A failure is not remembered. Should the process die in between, a
   * repetition is refused until the first request is certainly over, and then does the work again.
   *
   * @throws Problem idempotency-key-conflict
   */
  async once<T extends object>({ keyId, idempotencyKey, body }: Asking, work: () => Promise<T>): Promise<T> {
    if (idempotencyKey === undefined) return work();
    const now = this.runtime.clock.now();
    const begun = {
      namespace: callerNamespace(),
      request: digest([keyId, idempotencyKey]),
      asked: digest(body),
      begunAt: now,
    };
    await asBroker(async () => deleteRequestsBefore(this.control.manager, before(now, rememberedMs)));
    const patienceMs = this.runtime.config.maxHookTimeoutMs + slackMs;
    if (await claimRequest(this.control.manager, begun, before(now, patienceMs))) return this.answer(begun, work);
    // The answer was made from this very type, by this method.
    // eslint-disable-next-line typescript/no-unsafe-type-assertion
    return JSON.parse(await this.pastAnswer(begun)) as T;
  }

  private async answer<T extends object>(begun: BegunRequest, work: () => Promise<T>): Promise<T> {
    const answer = await this.attempt(begun, work);
    await keepAnswer(this.control.manager, begun, JSON.stringify(answer));
    return answer;
  }

  private async attempt<T>(begun: BegunRequest, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      await forgetRequest(this.control.manager, begun);
      throw error;
    }
  }

  private async pastAnswer(begun: BegunRequest): Promise<string> {
    const known = await findRequest(this.control.manager, begun);
    if (known && !known.asked.equals(begun.asked)) throw new Problem('idempotency-key-conflict');
    if (!known || known.answer === null) {
      const detail = 'The first request with this key is still being answered. Try again later.';
      throw new Problem('idempotency-key-conflict', { detail });
    }
    this.trail.nothingChanged();
    return known.answer;
  }
}

const digest = (asked: object): Buffer => createHash('sha256').update(JSON.stringify(asked)).digest();

const before = (time: Date, ms: number): Date => new Date(time.getTime() - ms);
