import { setImmediate } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { Subscription } from '@hookcast/database';
import {
  countDeadLetters,
  deadLettersAt,
  deadLettersOfEvents,
  eventView,
  nextDeadLetters,
  youngestDeadLetter,
  type DeadLetterChoice,
  type DeadLetterKey,
} from '@hookcast/delivery';
import { compileFilter } from '@hookcast/filter';
import type { StoredEvent } from '@hookcast/log';
import type pg from 'pg';
import { parseDeadLetterId } from '../dead-letters/dead-letter-id.js';
import { invalid } from '../http/validation.js';
import type { Asking } from '../repetition/asking.js';
import { DATA_POOL } from '../runtime.js';
import { filterFault } from '../subscriptions/subscription-declarations.js';
import { SubscriptionsService } from '../subscriptions/subscriptions.service.js';
import { DeadLetterExpression } from './dead-letter-filter.dto.js';
import type { DeadLetterOperationRequest, DryRunResponse, OperationResponse } from './operation.dto.js';
import { OperationsService, sampleSize } from './operations.service.js';

const defaultRate = { redrive: 200, discard: null };
/** Dead letters that are counted before the answer; an operation that concerns more counts as it goes. */
const mostCounted = 100_000;
/** Dead letters whose events a dry run looks at for an expression. */
const lookedAt = 1_000;

interface Size {
  total: number;
  isExact: boolean;
}

/** Redrives and discards dead letters of one subscription. */
@Injectable()
export class DeadLetterOperations {
  constructor(
    @Inject(DATA_POOL) private readonly pool: pg.Pool,
    private readonly subscriptions: SubscriptionsService,
    private readonly operations: OperationsService,
  ) {}

  /** @throws Problem subscription-not-found, validation-failed */
  async begin(
    kind: 'redrive' | 'discard',
    request: DeadLetterOperationRequest,
    asking: Asking,
  ): Promise<OperationResponse | DryRunResponse> {
    refuseNonsense(request);
    const subscription = await this.subscriptions.find(request.subscription);
    const choice = await this.choose(subscription, request);
    if (request.dryRun === true) {
      return this.operations.tried({ kind, subscription, ...(await this.sampled(subscription, choice)) });
    }
    const { total } = await this.sizeOf(subscription, choice);
    const rate = request.rate ?? defaultRate[kind];
    return this.operations.begin({ kind, subscription, request: choice, rate, total }, asking);
  }

  private async choose(
    { id }: Subscription,
    { ids, filter = {} }: DeadLetterOperationRequest,
  ): Promise<DeadLetterChoice> {
    if (ids) return { of: 'keys', keys: await this.keysOf(id, ids) };
    const until = (await youngestDeadLetter(this.pool, id)) ?? new Date(0);
    return { of: 'filter', filter: Object.assign({}, filter), until: until.toISOString() };
  }

  /** Those that exist; an id may be that of the dead letter or that of its event. */
  private async keysOf(subscriptionId: number, ids: readonly string[]): Promise<DeadLetterKey[]> {
    const places = ids
      .flatMap((id) => parseDeadLetterId(id) ?? [])
      .filter((one) => one.subscriptionId === subscriptionId);
    const named: DeadLetterKey[] = places.map(({ streamId, seq }) => [streamId, seq]);
    const byId = await deadLettersAt(this.pool, subscriptionId, named, { withData: false });
    const byEvent = await deadLettersOfEvents(this.pool, subscriptionId, ids);
    const all = [...byId.map(({ streamId, seq }): DeadLetterKey => [streamId, seq]), ...byEvent];
    return [...new Map(all.map((key) => [key.join(':'), key])).values()];
  }

  private async sizeOf({ id }: Subscription, choice: DeadLetterChoice): Promise<Size> {
    if (choice.of === 'keys') return { total: choice.keys.length, isExact: true };
    const total = await countDeadLetters(this.pool, id, { ...choice, most: mostCounted });
    return { total, isExact: total < mostCounted };
  }

  private async sampled(
    subscription: Subscription,
    choice: DeadLetterChoice,
  ): Promise<{ events: StoredEvent[]; size: Size }> {
    const size = await this.sizeOf(subscription, choice);
    if (choice.of === 'keys') {
      const found = await deadLettersAt(this.pool, subscription.id, choice.keys.slice(0, sampleSize), {
        withData: true,
      });
      return { events: found.map(({ event }) => event), size };
    }
    const { expression } = choice.filter;
    const limit = expression === undefined ? sampleSize : lookedAt;
    const found = await nextDeadLetters(this.pool, subscription.id, { ...choice, last: null, limit });
    const all = found.map(({ event }) => event);
    if (expression === undefined) return { events: all, size };
    const matching = await matchingOf(all, expression);
    return { events: matching, size: { total: matching.length, isExact: found.length < limit } };
  }
}

async function matchingOf(events: readonly StoredEvent[], expression: string): Promise<StoredEvent[]> {
  const compiled = compileFilter(expression);
  if (compiled.kind === 'malformed') return [];
  const matching: StoredEvent[] = [];
  for (const [index, event] of events.entries()) {
    if (compiled.filter.matches(eventView(event)).kind === 'match') matching.push(event);
    // Costly evaluations must not keep publishers waiting.
    if (index % 50 === 49) await setImmediate();
  }
  return matching;
}

function refuseNonsense({ ids, filter }: DeadLetterOperationRequest): void {
  if (ids && filter) throw invalid([{ pointer: '/filter', detail: 'cannot be combined with ids' }]);
  const detail = filterFault(filter?.expression ?? null);
  const pointer = filter instanceof DeadLetterExpression ? '/filter' : '/filter/expression';
  if (detail !== undefined) throw invalid([{ pointer, detail }]);
}
