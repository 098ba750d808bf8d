import { Inject, Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Subscription } from '@hookcast/database';
import { parseTimestamp } from '@hookcast/protocol';
import type pg from 'pg';
import { Repository } from 'typeorm';
import { defaultNamespace } from '../control/control-plane.js';
import { cursorKey, defaultLimit, pageOf, type Page } from '../http/page.js';
import { DATA_POOL } from '../runtime.js';
import { listDeadLetters, type DeadLetterKey } from './dead-letters-store.js';
import { toDeadLetterResponse, type DeadLetterQuery, type DeadLetterResponse } from './dead-letter.dto.js';

@Injectable()
export class DeadLettersService {
  constructor(
    @Inject(DATA_POOL) private readonly pool: pg.Pool,
    @InjectRepository(Subscription) private readonly subscriptions: Repository<Subscription>,
  ) {}

  async list(query: DeadLetterQuery): Promise<Page<DeadLetterResponse>> {
    const { limit = defaultLimit, topic, reason, from, to } = query;
    const subscriptions = await this.subscriptions.find({
      where: { namespace: defaultNamespace, ...(query.subscription !== undefined && { name: query.subscription }) },
      select: { id: true, name: true },
    });
    const names = new Map(subscriptions.map(({ id, name }) => [id, name]));
    const found = await listDeadLetters(
      this.pool,
      { subscriptionIds: [...names.keys()], topic, reason, from: time(from), to: time(to) },
      { after: keyOf(query.cursor), limit: limit + 1 },
    );
    const page = pageOf(found, limit, (one) => [one.deadAt.getTime(), one.streamId, one.subscriptionId, one.seq]);
    return {
      items: page.items.map((one) => toDeadLetterResponse(names.get(one.subscriptionId) ?? '', one)),
      nextCursor: page.nextCursor,
    };
  }
}

function keyOf(cursor: string | undefined): DeadLetterKey | undefined {
  const key = cursorKey(cursor, ['number', 'number', 'number', 'number']);
  if (!key) return undefined;
  const [deadAt = 0, streamId = 0, subscriptionId = 0, seq = 0] = key.map(Number);
  return { deadAt: new Date(deadAt), streamId, subscriptionId, seq };
}

const time = (text: string | undefined): Date | undefined => (text === undefined ? undefined : parseTimestamp(text));
