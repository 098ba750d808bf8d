import { Inject, Injectable } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { Subscription } from '@hookcast/database';
import { sendTest } from '@hookcast/delivery';
import { HookClient } from '@hookcast/egress';
import { ControlPlane } from '../control/control-plane.js';
import { touchesOf } from '../control/touches.js';
import { isHeld } from '../handshake/handshake-state.js';
import { uuidv7 } from '@hookcast/protocol';
import { StoredSubscriptions } from '../delivery/stored-subscriptions.js';
import type { Asking } from '../repetition/asking.js';
import { Repetitions } from '../repetition/repetitions.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import { userAgent } from '../version.js';

export class TestResponse {
  @ApiProperty({ type: String, description: 'The id of the test event, which is `webhook-id` at the hook.' })
  eventId!: string;

  @ApiProperty({ type: Number, nullable: true, description: 'Null when no answer came.' })
  status!: number | null;

  @ApiProperty({ type: Number })
  durationMs!: number;

  @ApiProperty({ type: String, description: 'First 1 KiB of the answer.' })
  response!: string;

  @ApiProperty({ type: String, nullable: true, example: 'timeout: no answer within 15000 ms' })
  error!: string | null;
}

/** A hook that has not agreed to events gets no test events either. */
const untried = {
  status: null,
  durationMs: 0,
  response: '',
  error: 'handshake: the hook has not agreed to be sent to; resuming the subscription asks it again',
};

/** Tries a subscription's hook out, the same way deliveries go. */
@Injectable()
export class HookTest {
  @Inject() private readonly control!: ControlPlane;

  constructor(
    @Inject(HookClient) private readonly client: HookClient,
    private readonly targets: StoredSubscriptions,
    private readonly repetitions: Repetitions,
    @Inject(RUNTIME) private readonly runtime: Runtime,
  ) {}

  /** @throws Problem idempotency-key-conflict */
  async run(subscription: Subscription, asking: Asking): Promise<TestResponse> {
    return this.repetitions.once(asking, async () => this.send(subscription));
  }

  private async send(subscription: Subscription): Promise<TestResponse> {
    if (isHeld(subscription)) return { ...untried, eventId: uuidv7(this.runtime.clock.now().getTime()) };
    const now = this.runtime.clock.now();
    const target = await this.targets.target(subscription);
    const result = await sendTest(this.client, target, { now, userAgent });
    const { eventId, status = null, error = null } = result;
    const durationMs = Math.round(result.durationMs * 10) / 10;
    this.runtime.log.info(
      { subscription: subscription.name, eventId, status, error, durationMs },
      'subscription.tested',
    );
    if (status !== null && subscription.neverAnswered) await this.heard(subscription);
    return { eventId, status, error, durationMs, response: result.response.toString('utf8') };
  }

  /** The first answer ever: what waits for one is sent. */
  private async heard({ id, url }: Subscription): Promise<void> {
    await this.control.change(async (tx) => {
      touchesOf(tx).subscription(id);
      await tx.update(Subscription, { id, url }, { neverAnswered: false });
    });
  }
}
