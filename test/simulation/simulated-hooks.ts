import type { DeliverySubscription } from '@hookcast/delivery';
import type { HookClient as RealClient, HookResponse } from '@hookcast/egress';
import { createVerifier } from '@hookcast/protocol';
import type { Chance } from './chance.js';
import type { Judge, SentRequest } from './judge.js';
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

export type HookClient = Pick<RealClient, 'post'>;
type HookRequest = Parameters<HookClient['post']>[0];

const answered = (status: number, headers: Record<string, string> = {}, body = ''): HookResponse => ({
  kind: 'answered',
  status,
  headers,
  body: Buffer.from(body),
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
  clientOf(program: Program, workerId: string): HookClient {
    const verify = createVerifier({ secrets: [this.parts.secret] });
    return {
      post: async (request) => {
        const { time, judge } = this.parts;
        const { sent, subscription } = this.read(request, workerId);
        judge.sent(sent, subscription);
        const verified = verify({ headers: request.headers, body: request.body }, { now: new Date(time.now) });
        if (verified.kind !== 'verified') judge.violations.push(`a signature does not verify: ${verified.reason}`);
        return this.exchange(request, sent, program);
      },
    };
  }

  private async exchange(request: HookRequest, sent: SentRequest, program: Program): Promise<HookResponse> {
    const { time, chance, judge } = this.parts;
    return new Promise((resolve) => {
      const end = (response: HookResponse, afterMs: number) =>
        time.after(
          afterMs,
          () => {
            judge.ended(sent, response);
            resolve(response);
          },
          program,
        );
      time.after(chance.int(0, 5), () => {
        // What was on its way when its sender died arrives or does not.
        if (program.isDead && chance.happens(0.5)) return;
        const { response, afterMs } = this.answer(sent, request.timeoutMs);
        end(response, afterMs);
      });
    });
  }

  private answer(sent: SentRequest, timeoutMs: number): { response: HookResponse; afterMs: number } {
    const { chance, temper } = this.parts;
    const quick = chance.happens(0.9) ? chance.int(0, 20) : chance.int(20, 2_000);
    const trouble = !this.isHealed && chance.happens(temper.trouble) ? chance.pick(temper.ways) : undefined;
    switch (trouble) {
      case 'error':
        return { response: answered(chance.pick([500, 503, 404, 301])), afterMs: quick };
      case 'busy':
        return { response: answered(429, { 'retry-after': String(chance.int(1, 4)) }), afterMs: quick };
      case 'reset':
        this.take(sent, () => chance.happens(0.5));
        return { response: failed('reset'), afterMs: quick };
      case 'hang':
        return { response: failed('timeout'), afterMs: timeoutMs };
      case 'drop':
      case 'dead-letter':
      case 'asks-again':
        return { response: this.verdict(sent, verdictOf[trouble]), afterMs: quick };
      case 'late-answer':
        this.take(sent);
        return { response: answered(204), afterMs: chance.int(500, timeoutMs - 1) };
      case undefined:
        this.take(sent);
        return { response: answered(204), afterMs: quick };
    }
  }

  private take({ subscriptionId, events }: SentRequest, isTaken = () => true): void {
    for (const { streamId, seq } of events)
      if (isTaken()) this.parts.judge.acknowledge(deliveryKey(streamId, subscriptionId, seq), 'delivered');
  }

  /** For one event by the header, for some of several by results in the body. */
  private verdict(sent: SentRequest, verdict: (typeof verdictOf)[keyof typeof verdictOf]): HookResponse {
    const { chance, judge, database } = this.parts;
    const isBatch = sent.events.length > 1;
    const results = [];
    for (const event of sent.events) {
      const delivery = deliveryKey(event.streamId, sent.subscriptionId, event.seq);
      if (isBatch && chance.happens(0.5)) {
        judge.acknowledge(delivery, 'delivered');
        continue;
      }
      if (verdict === 'drop') judge.acknowledge(delivery, 'dropped');
      if (verdict === 'dead-letter') judge.giveUp(delivery);
      results.push({ id: database.streams.get(event.streamId)?.events[event.seq - 1]?.id, verdict });
    }
    return isBatch ? answered(200, {}, JSON.stringify({ results })) : answered(200, { 'hookcast-verdict': verdict });
  }

  /** Whatever was sent has to be what was published. */
  private read(
    { headers, body }: HookRequest,
    workerId: string,
  ): { sent: SentRequest; subscription: DeliverySubscription } {
    const { database, judge, subscriptions } = this.parts;
    const subscription = subscriptions.get(headers['hookcast-subscription'] ?? '');
    const [streamId = 0, seq = 0] = (headers['hookcast-position'] ?? '').split(':').map(Number);
    const first = database.streams.get(streamId)?.events[seq - 1];
    const events = subscription?.batch === null ? [first] : idsOf(body).map((id) => database.eventOf(id));
    if (!subscription || !events.every((event) => event !== undefined) || events[0] !== first)
      throw new Error('a request that nobody asked for');
    if (subscription.batch === null && headers['webhook-id'] !== first?.id)
      judge.violations.push(`${first?.id} arrived as ${headers['webhook-id']}`);
    for (const { id, data = Buffer.alloc(0) } of events)
      if (!body.includes(data)) judge.violations.push(`the bytes of ${id} have changed`);
    const attempt = events.length === 1 ? Number(headers['hookcast-attempt']) : undefined;
    const places = events.map((event) => ({ streamId: event.streamId, seq: event.seq, attempt }));
    const isReplay = headers['hookcast-replay'] === 'true';
    return { sent: { workerId, subscriptionId: subscription.id, isReplay, events: places }, subscription };
  }
}

const verdictOf = { drop: 'drop', 'dead-letter': 'dead-letter', 'asks-again': 'retry' } as const;

function idsOf(body: Buffer): string[] {
  const events: { id: string }[] = JSON.parse(body.toString());
  return events.map(({ id }) => id);
}
