import { Inject, Injectable } from '@nestjs/common';
import { replayableStreams, seekCursors, type SeekCounts, type SeekTarget } from '@hookcast/delivery';
import { findPlaces, type Place } from '@hookcast/log';
import { parseTimestamp } from '@hookcast/protocol';
import type { EntityManager } from 'typeorm';
import { AuditTrail } from '../audit/audit-trail.js';
import { ControlPlane } from '../control/control-plane.js';
import { touchesOf } from '../control/touches.js';
import { parsePositions } from '../http/positions.js';
import { invalid } from '../http/validation.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import type { SeekResponse } from './seek.dto.js';
import { SubscriptionResponses } from './subscription-responses.js';
import { SubscriptionsService } from './subscriptions.service.js';

type Places = ReadonlyMap<number, Place>;

/** Moves the cursors of a subscription by hand. */
@Injectable()
export class Seek {
  @Inject(AuditTrail) private readonly trail!: AuditTrail;

  constructor(
    @Inject(RUNTIME) private readonly runtime: Runtime,
    private readonly control: ControlPlane,
    private readonly subscriptions: SubscriptionsService,
    private readonly responses: SubscriptionResponses,
  ) {}

  /** What a seek would come to: the same statement, taken back. */
  async plan(name: string, to: string): Promise<SeekResponse> {
    const subscription = await this.subscriptions.find(name);
    const seek = await this.tried((tx) => this.move(tx, subscription.id, to));
    this.trail.nothingChanged();
    return Object.assign(await this.responses.one(subscription), { seek });
  }

  /** A control change: every worker hears of it and begins again from where the cursors stand then. */
  async run(name: string, to: string): Promise<SeekResponse> {
    const subscription = await this.subscriptions.find(name);
    const seek = await this.control.change(async (tx) => {
      touchesOf(tx).subscription(subscription.id);
      return this.move(tx, subscription.id, to);
    });
    this.runtime.log.info({ subscription: name, to, ...seek }, 'subscription.sought');
    return Object.assign(await this.responses.one(subscription), { seek });
  }

  private async move(tx: EntityManager, subscriptionId: number, to: string): Promise<SeekCounts> {
    const targets = await this.targets(tx, subscriptionId, to);
    return seekCursors(tx, subscriptionId, { targets, now: this.runtime.clock.now() });
  }

  private async tried<T>(work: (tx: EntityManager) => Promise<T>): Promise<T> {
    const runner = this.control.manager.connection.createQueryRunner();
    await runner.startTransaction();
    try {
      return await work(runner.manager);
    } finally {
      await runner.rollbackTransaction();
      await runner.release();
    }
  }

  /** @throws Problem validation-failed */
  private async targets(tx: EntityManager, subscriptionId: number, to: string): Promise<SeekTarget[]> {
    const streams = await replayableStreams(tx, subscriptionId);
    const ids = streams.map(({ streamId }) => streamId);
    const oldest = await findPlaces(tx, ids);
    if (to === 'earliest') return targetsOf(oldest);
    const at = parseTimestamp(to);
    if (at) return targetsOf(await findPlaces(tx, ids, at));
    const heads = new Map(streams.map(({ streamId, head }) => [streamId, head]));
    if (to === 'latest') return targetsOf(withSeqs(oldest, heads));
    return targetsOf(withSeqs(oldest, positionsIn(heads, to)));
  }
}

/** Delivery goes on with the event at the position itself, as far as it is still there. */
function positionsIn(heads: ReadonlyMap<number, number>, text: string): Map<number, number> {
  const positions = parsePositions(text);
  const rule = 'must be latest, earliest, an RFC 3339 time or a position';
  if (!positions) throw invalid([{ pointer: '/to', detail: rule }]);
  return new Map(
    [...positions].map(([streamId, seq]) => {
      const head = heads.get(streamId);
      const detail = `names stream ${streamId}, which the subscription does not read`;
      if (head === undefined) throw invalid([{ pointer: '/to', detail }]);
      return [streamId, Math.min(seq - 1, head)];
    }),
  );
}

/** The oldest event's time is never later than that of the next one, wherever in the stream that is. */
function withSeqs(oldest: Places, seqs: ReadonlyMap<number, number>): Places {
  return new Map(
    [...seqs].map(([streamId, seq]) => {
      const first = oldest.get(streamId) ?? { seq: 0, at: new Date(0) };
      return [streamId, { seq: Math.max(seq, first.seq), at: first.at }];
    }),
  );
}

function targetsOf(places: Places): SeekTarget[] {
  return [...places].map(([streamId, { seq, at }]) => ({ streamId, seq, at }));
}
