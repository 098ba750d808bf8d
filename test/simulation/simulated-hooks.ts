import type { DeliverySubscription } from '@hookcast/delivery';
import type { HookClient, HookResponse } from '@hookcast/egress';
import { createVerifier } from '@hookcast/protocol';
import type { Chance } from './chance.js';
import type { Judge, SentAttempt } from './judge.js';
import { deliveryKey, type SimulatedDatabase } from './simulated-database.js';
import type { Program, VirtualTime } from './virtual-time.js';

/** How often the hooks of a history misbehave, and in which way. */
export interface Temper {
  /** Share of requests that go wrong, while they do. */
  trouble: number;
  ways: readonly Trouble[];
}

export const troubles = ['error', 'busy', 'reset', 'hang', 'late-answer', 'drop', 'dead-letter', 'asks-again'] as const;
export type Trouble = (typeof troubles)[number];

type Post = Pick<HookClient, 'post'>['post'];
type HookRequest = Parameters<Post>[0];

const answered = (status: number, headers: Record<string, string> = {}): HookResponse => ({
  kind: 'answered',
  status,
  headers,
  body: Buffer.alloc(0),
  durationMs: 1,
});
const failed = (error: 'reset' | 'timeout'): HookResponse => ({
  kind: 'failed',
  error,
  detail: error,
  log: error,
  durationMs: 1,
  requestSent: true,
  answerStarted: false,
  reusedSocket: false,
});

/** All hooks of a history, and the network to them. */
export class SimulatedHooks {
  isHealed = false;

  constructor(
    private readonly parts: {
      time: VirtualTime;
      chance: Chance;
      judge: Judge;
      database: SimulatedDatabase;
      temper: Temper;
      /** Every subscription there ever was, by name. */
      subscriptions: ReadonlyMap<string, DeliverySubscription>;
      secret: string;
    },
  ) {}

  /** The client of one worker. */
  clientOf(program: Program, workerId: string): { post: Post } {
    const verify = createVerifier({ secrets: [this.parts.secret] });
    return {
      post: async (request) => {
        const { time, judge } = this.parts;
        const { attempt, subscription } = this.read(request, workerId);
        judge.sent(attempt, subscription);
        const verified = verify({ headers: request.headers, body: request.body }, { now: new Date(time.now) });
        if (verified.kind !== 'verified') judge.violations.push(`a signature does not verify: ${verified.reason}`);
        return this.exchange(request, attempt, program);
      },
    };
  }

  private async exchange(request: HookRequest, attempt: SentAttempt, program: Program): Promise<HookResponse> {
    const { time, chance, judge } = this.parts;
    return new Promise((resolve) => {
      const end = (response: HookResponse, afterMs: number) =>
        time.after(
          afterMs,
          () => {
            judge.ended(attempt, response);
            resolve(response);
          },
          program,
        );
      time.after(chance.int(0, 5), () => {
        // What was on its way when its sender died arrives or does not.
        if (program.isDead && chance.happens(0.5)) return;
        const { response, afterMs } = this.answer(attempt, request.timeoutMs);
        end(response, afterMs);
      });
    });
  }

  private answer(attempt: SentAttempt, timeoutMs: number): { response: HookResponse; afterMs: number } {
    const { chance, judge, temper } = this.parts;
    const delivery = deliveryKey(attempt.streamId, attempt.subscriptionId, attempt.seq);
    const quick = chance.happens(0.9) ? chance.int(0, 20) : chance.int(20, 2_000);
    const trouble = !this.isHealed && chance.happens(temper.trouble) ? chance.pick(temper.ways) : undefined;
    switch (trouble) {
      case 'error':
        return { response: answered(chance.pick([500, 503, 404, 301])), afterMs: quick };
      case 'busy':
        return { response: answered(429, { 'retry-after': String(chance.int(1, 4)) }), afterMs: quick };
      case 'reset':
        if (chance.happens(0.5)) judge.acknowledge(delivery, 'delivered');
        return { response: failed('reset'), afterMs: quick };
      case 'hang':
        return { response: failed('timeout'), afterMs: timeoutMs };
      case 'drop':
        judge.acknowledge(delivery, 'dropped');
        return { response: answered(200, { 'hookcast-verdict': 'drop' }), afterMs: quick };
      case 'dead-letter':
        return { response: answered(200, { 'hookcast-verdict': 'dead-letter' }), afterMs: quick };
      case 'asks-again':
        return { response: answered(200, { 'hookcast-verdict': 'retry' }), afterMs: quick };
      case 'late-answer':
        judge.acknowledge(delivery, 'delivered');
        return { response: answered(204), afterMs: chance.int(500, timeoutMs - 1) };
      case undefined:
        judge.acknowledge(delivery, 'delivered');
        return { response: answered(204), afterMs: quick };
    }
  }

  /** Whatever was sent has to be what was published. */
  private read(
    { headers, body }: HookRequest,
    workerId: string,
  ): { attempt: SentAttempt; subscription: DeliverySubscription } {
    const { database, judge, subscriptions } = this.parts;
    const subscription = subscriptions.get(headers['hookcast-subscription'] ?? '');
    const [streamId = 0, seq = 0] = (headers['hookcast-position'] ?? '').split(':').map(Number);
    const event = database.streams.get(streamId)?.events[seq - 1];
    if (!subscription || !event) throw new Error('a request that nobody asked for');
    if (headers['webhook-id'] !== event.id) judge.violations.push(`${event.id} arrived as ${headers['webhook-id']}`);
    if (!body.includes(event.data ?? Buffer.alloc(0))) judge.violations.push(`the bytes of ${event.id} have changed`);
    const attempt = Number(headers['hookcast-attempt']);
    return { attempt: { workerId, streamId, subscriptionId: subscription.id, seq, attempt }, subscription };
  }
}
