import { Inject, Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Subscription } from '@hookcast/database';
import { listDeadLetters, type DeadLetterQuery as Search } from '@hookcast/delivery';
import { parseTimestamp } from '@hookcast/protocol';
import type pg from 'pg';
import { Repository } from 'typeorm';
import { callerNamespace } from '../auth/namespace.js';
import { cursorKey, defaultLimit, pageOf, type Page } from '../http/page.js';
import { DATA_POOL } from '../runtime.js';
import { toDeadLetterResponse, type DeadLetterQuery, type DeadLetterResponse } from './dead-letter.dto.js';

@Injectable()
export class DeadLettersService {
  constructor(
    @Inject(DATA_POOL) private readonly pool: pg.Pool,
    @InjectRepository(Subscription) private readonly subscriptions: Repository<Subscription>,
  ) {}

  async list(query: DeadLetterQuery): Promise<Page<DeadLetterResponse>> {
    const { limit = defaultLimit } = query;
    const subscriptions = await this.subscriptions.find({
      where: { namespace: callerNamespace(), ...(query.subscription !== undefined && { name: query.subscription }) },
      select: { id: true, name: true },
    });
    const names = new Map(subscriptions.map(({ id, name }) => [id, name]));
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
}

function filterOf({ topic, reason, from, to, cursor }: DeadLetterQuery): Omit<Search, 'subscriptionIds' | 'limit'> {
  const after = cursorKey(cursor, ['time', 'int', 'bigint', 'int'])?.map(Number);
  const [fromTime, toTime] = [from, to].map((text) => (text === undefined ? undefined : parseTimestamp(text)));
  return {
    ...(topic !== undefined && { topic }),
    ...(reason !== undefined && { reason }),
    ...(fromTime && { from: fromTime }),
    ...(toTime && { to: toTime }),
    ...(after && { after: placeOf(after) }),
  };
}

function placeOf([at = 0, streamId = 0, seq = 0, subscriptionId = 0]: readonly number[]): NonNullable<Search['after']> {
  return { at: new Date(at), streamId, seq, subscriptionId };
}
