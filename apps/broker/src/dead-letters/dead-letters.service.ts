import { Inject, Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Subscription } from '@hookcast/database';
import {
  findDeadLetter,
  listDeadLetterGroups,
  listDeadLetters,
  type DeadLetterQuery as Search,
} from '@hookcast/delivery';
import type { StoredEvent } from '@hookcast/log';
import { parseTimestamp } from '@hookcast/protocol';
import type pg from 'pg';
import { Repository } from 'typeorm';
import { callerNamespace } from '../auth/namespace.js';
import { cursorKey, defaultLimit, pageOf, type Page } from '../http/page.js';
import { Problem } from '../http/problem.js';
import { DATA_POOL } from '../runtime.js';
import { parseDeadLetterId } from './dead-letter-id.js';
import {
  toDeadLetterResponse,
  toGroupResponse,
  type DeadLetterGroupQuery,
  type DeadLetterGroupResponse,
  type DeadLetterQuery,
  type DeadLetterResponse,
} from './dead-letter.dto.js';

@Injectable()
export class DeadLettersService {
  constructor(
    @Inject(DATA_POOL) private readonly pool: pg.Pool,
    @InjectRepository(Subscription) private readonly subscriptions: Repository<Subscription>,
  ) {}

  async list(query: DeadLetterQuery): Promise<Page<DeadLetterResponse>> {
    const { limit = defaultLimit } = query;
    const names = await this.names(query.subscription);
    const search = { subscriptionIds: [...names.keys()], limit: limit + 1, ...filterOf(query) };
    const page = pageOf(await listDeadLetters(this.pool, search), limit, ({ deadAt, event, subscriptionId }) => [
      deadAt.getTime(),
      event.streamId,
      event.seq,
      subscriptionId,
    ]);
    return {
      items: page.items.map((one) => toDeadLetterResponse(names.get(one.subscriptionId) ?? '', one)),
      nextCursor: page.nextCursor,
    };
  }

  async groups(query: DeadLetterGroupQuery): Promise<Page<DeadLetterGroupResponse>> {
    const { limit = defaultLimit } = query;
    const names = await this.names(query.subscription);
    const [subscriptionId, fingerprint] = cursorKey(query.cursor, ['int', 'string']) ?? [];
    const found = await listDeadLetterGroups(this.pool, {
      subscriptionIds: [...names.keys()],
      limit: limit + 1,
      ...(subscriptionId !== undefined && {
        after: { subscriptionId: Number(subscriptionId), fingerprint: String(fingerprint) },
      }),
    });
    const page = pageOf(found, limit, (group) => [group.subscriptionId, group.fingerprint]);
    return {
      items: page.items.map((group) => toGroupResponse(names.get(group.subscriptionId) ?? '', group)),
      nextCursor: page.nextCursor,
    };
  }

  /** @throws Problem dead-letter-not-found */
  async get(id: string): Promise<{ shown: DeadLetterResponse; event: StoredEvent }> {
    const place = parseDeadLetterId(id);
    const subscription =
      place && (await this.subscriptions.findOneBy({ namespace: callerNamespace(), id: place.subscriptionId }));
    const found = place && subscription ? await findDeadLetter(this.pool, place) : undefined;
    if (!subscription || !found) throw new Problem('dead-letter-not-found');
    return { shown: toDeadLetterResponse(subscription.name, found), event: found.event };
  }

  /** Subscriptions that the caller may see, by id. */
  private async names(subscription: string | undefined): Promise<Map<number, string>> {
    const found = await this.subscriptions.find({
      where: { namespace: callerNamespace(), ...(subscription !== undefined && { name: subscription }) },
      select: { id: true, name: true },
    });
    return new Map(found.map(({ id, name }) => [id, name]));
  }
}

function filterOf({
  topic,
  reason,
  fingerprint,
  from,
  to,
  cursor,
}: DeadLetterQuery): Omit<Search, 'subscriptionIds' | 'limit'> {
  const after = cursorKey(cursor, ['time', 'int', 'bigint', 'int'])?.map(Number);
  const [fromTime, toTime] = [from, to].map((text) => (text === undefined ? undefined : parseTimestamp(text)));
  return {
    ...(topic !== undefined && { topic }),
    ...(reason !== undefined && { reason }),
    ...(fingerprint !== undefined && { fingerprint }),
    ...(fromTime && { from: fromTime }),
    ...(toTime && { to: toTime }),
    ...(after && { after: placeOf(after) }),
  };
}

function placeOf([at = 0, streamId = 0, seq = 0, subscriptionId = 0]: readonly number[]): NonNullable<Search['after']> {
  return { at: new Date(at), streamId, seq, subscriptionId };
}
