import type { Catalog, CatalogChanges, DeliverySubscription } from '@hookcast/delivery';
import type { EventKey, StoredEvent, StreamRef } from '@hookcast/log';
import type { StoredCursor } from '../../libs/delivery/src/reading/cursor-store.js';
import type { Claim, WorkerIdentity, WorkerRow } from '../../libs/delivery/src/ownership/ownership-store.js';
import type { WorkerWords } from '../../libs/delivery/src/flow/worker-words.js';
import type { StoredRetry } from '../../libs/delivery/src/retries/retry-store.js';
import { isAskedFor, retryKind } from '../../libs/delivery/src/sending/lanes.js';
import type { AttemptRow, SettleBatch } from '../../libs/delivery/src/settling/settle-batch.js';
import type { CursorCounts } from '../../libs/delivery/src/reading/owned-stream.js';
import { SettledRanges } from '../../libs/delivery/src/reading/settled-ranges.js';
import type { SettleOptions } from '../../libs/delivery/src/settling/settle-store.js';

export interface CursorRow extends StoredCursor, CursorCounts {
  /** Left out when it was moved forward. */
  skipped: number;
  /** Events up to here were there before the subscription was. */
  readonly startSeq: number;
}

export interface StreamRow {
  readonly ref: StreamRef;
  readonly events: StoredEvent[];
}

/** What a statement changed, told to whoever watches, before anybody sees its answer. */
export interface Watcher {
  claimed(workerId: string, streamId: number): void;
  released(workerId: string, streamId: number): void;
  /** @returns tells that its answer has come */
  leased(workerId: string, subscriptionId: number, tokens: number): () => void;
  settled(workerId: string, written: WrittenBatch): void;
}

export interface WrittenBatch {
  /** Cursors that were written, as they were before. */
  cursors: { row: CursorRow; before: SettledRanges }[];
  attempts: readonly AttemptRow[];
  /** Attempts of cursors that another worker owns by now: nothing was written of them. */
  fencedAttempts: readonly AttemptRow[];
  finished: { key: string; seq: number }[];
}

const countNames = ['delivered', 'dead', 'dropped', 'expired', 'filtered', 'repeated'] as const;

interface Assignment {
  owner: string | undefined;
  epoch: number;
}

export const cursorKey = (streamId: number, subscriptionId: number): string => `${streamId}/${subscriptionId}`;
export const deliveryKey = (streamId: number, subscriptionId: number, seq: number): string =>
  `${cursorKey(streamId, subscriptionId)}/${seq}`;

/**
 * The tables that delivery uses and what its statements do to them, one statement at a time. It follows the SQL of the
 * stores: what these promise in their docs is what the worker may rely on here.
 */
export class SimulatedDatabase {
  private currentVersion = 1;
  /** What versions touched: subscriptions of theirs, or streams. One that is missing may have touched anything. */
  private readonly touched = new Map<number, { subscriptionId: number } | { topicId: number }>();
  readonly subscriptions = new Map<number, DeliverySubscription>();
  readonly streams = new Map<number, StreamRow>();
  readonly cursors = new Map<string, CursorRow>();
  readonly retries = new Map<string, StoredRetry>();
  readonly deadLetters = new Map<string, { attempts: number; reason: string }>();
  readonly attempts: { key: string; attempt: number; at: number; outcome: number }[] = [];
  private readonly assignments = new Map<number, Assignment>();
  private readonly workerRows = new Map<string, WorkerIdentity & { beatAt: number; isLeaving: boolean }>();

  private readonly words = new Map<string, WorkerWords>();

  constructor(
    private readonly now: () => number,
    readonly watcher: Watcher,
  ) {}

  addStream(ref: StreamRef): void {
    this.streams.set(ref.streamId, { ref, events: [] });
    this.assignments.set(ref.streamId, { owner: undefined, epoch: 0 });
    this.touch({ topicId: ref.topicId });
  }

  get version(): number {
    return this.currentVersion;
  }

  /** Raises the version. */
  touch(what: { subscriptionId: number } | { topicId: number }): void {
    this.currentVersion += 1;
    this.touched.set(this.currentVersion, what);
    // Few are remembered, so that workers that were away find them forgotten.
    this.touched.delete(this.currentVersion - 4);
  }

  subscribe(subscription: DeliverySubscription): void {
    this.subscriptions.set(subscription.id, subscription);
    this.touch({ subscriptionId: subscription.id });
    for (const { ref, events } of this.streams.values()) {
      this.cursors.set(cursorKey(ref.streamId, subscription.id), {
        streamId: ref.streamId,
        subscriptionId: subscription.id,
        epoch: 0,
        settledSeq: events.length,
        settledAt: events.at(-1)?.createdAt.getTime() ?? Number.NEGATIVE_INFINITY,
        above: '{}',
        delivered: 0,
        dead: 0,
        dropped: 0,
        filtered: 0,
        expired: 0,
        skipped: 0,
        repeated: 0,
        drainSeq: 0,
        moves: 0,
        settleNo: 0,
        park: undefined,
        startSeq: events.length,
      });
    }
  }

  heard(id: number): void {
    const subscription = this.subscriptions.get(id);
    if (subscription?.neverAnswered !== true) return;
    this.touch({ subscriptionId: id });
    this.subscriptions.set(id, { ...subscription, neverAnswered: false });
  }

  change(id: number, state: DeliverySubscription['state'] | 'deleted'): void {
    const subscription = this.subscriptions.get(id);
    if (!subscription) return;
    this.touch({ subscriptionId: id });
    if (state !== 'deleted') {
      this.subscriptions.set(id, { ...subscription, state });
      return;
    }
    this.subscriptions.delete(id);
    for (const [key, { subscriptionId }] of this.cursors) if (subscriptionId === id) this.cursors.delete(key);
    for (const [key, { subscriptionId }] of this.retries) if (subscriptionId === id) this.retries.delete(key);
  }

  append(streamId: number, event: Pick<StoredEvent, 'id' | 'data'> & { key?: string }): StoredEvent {
    const stream = this.stream(streamId);
    const stored: StoredEvent = {
      ...event,
      type: stream.ref.topic,
      source: `/topics/${stream.ref.topic}`,
      contentType: 'application/json',
      attributes: {},
      streamId,
      seq: stream.events.length + 1,
      createdAt: new Date(this.now()),
      topic: stream.ref.topic,
    };
    stream.events.push(stored);
    return stored;
  }

  say(workerId: string, words: WorkerWords): boolean {
    if (!this.workerRows.has(workerId)) return false;
    this.words.set(workerId, words);
    return true;
  }

  hear(workerId: string): Map<string, WorkerWords> {
    return new Map([...this.words].filter(([speaker]) => speaker !== workerId));
  }

  ownerOf(streamId: number): string | undefined {
    return this.assignments.get(streamId)?.owner;
  }

  catalog(): Catalog {
    const streams = [...this.streams.values()].map(({ ref }) => ref);
    return { version: this.version, subscriptions: [...this.subscriptions.values()], streams };
  }

  changes(since: number): CatalogChanges | undefined {
    const { version } = this;
    const told = Array.from({ length: Math.max(version - since, 0) }, (_, index) =>
      this.touched.get(since + index + 1),
    );
    if (version < since || told.includes(undefined)) return undefined;
    const subscriptionIds = told.flatMap((one) => (one && 'subscriptionId' in one ? one.subscriptionId : []));
    const topicIds = told.flatMap((one) => (one && 'topicId' in one ? one.topicId : []));
    return {
      version,
      subscriptionIds,
      subscriptions: [...this.subscriptions.values()].filter(({ id }) => subscriptionIds.includes(id)),
      topicIds,
      streams: [...this.streams.values()].map(({ ref }) => ref).filter(({ topicId }) => topicIds.includes(topicId)),
    };
  }

  suspend(id: number, version: number): boolean {
    if (version !== this.version || this.subscriptions.get(id)?.state !== 'active') return false;
    this.change(id, 'suspended');
    return true;
  }

  read(streamId: number, afterSeq: number, limit: number): StoredEvent[] {
    return this.stream(streamId).events.slice(afterSeq, afterSeq + limit);
  }

  readAt(keys: readonly EventKey[]): StoredEvent[] {
    return keys.flatMap(({ streamId, seq }) => this.stream(streamId).events[seq - 1] ?? []);
  }

  eventOf(id: string): StoredEvent | undefined {
    return [...this.streams.values()].flatMap(({ events }) => events).find((event) => event.id === id);
  }

  /** Deliveries that will be tried again and hold up others, with the keys of their events. */
  failing(
    cursors: readonly { streamId: number; subscriptionId: number }[],
  ): { streamId: number; subscriptionId: number; seq: number; key: string | undefined }[] {
    const wanted = new Set(cursors.map(({ streamId, subscriptionId }) => cursorKey(streamId, subscriptionId)));
    return [...this.retries.values()]
      .filter(({ kind }) => kind === retryKind.retry || kind === retryKind.alone)
      .filter(({ streamId, subscriptionId }) => wanted.has(cursorKey(streamId, subscriptionId)))
      .map(({ streamId, subscriptionId, seq }) => {
        return { streamId, subscriptionId, seq, key: this.stream(streamId).events[seq - 1]?.key };
      });
  }

  heads(streamIds: readonly number[]): Map<number, { seq: number; at: Date }> {
    return new Map(
      streamIds.map((streamId) => {
        const { events } = this.stream(streamId);
        return [streamId, { seq: events.length, at: events.at(-1)?.createdAt ?? new Date(0) }];
      }),
    );
  }

  dueRetries(query: {
    streamIds: readonly number[];
    after: number;
    until: number;
    except: readonly number[];
    limit: number;
  }): StoredRetry[] {
    return [...this.retries.values()]
      .filter((row) => query.streamIds.includes(row.streamId) && !query.except.includes(row.subscriptionId))
      .filter((row) => row.at === 0 || (row.at > query.after && row.at <= query.until))
      .slice(0, query.limit);
  }

  sweptRetries(query: {
    subscriptionId: number;
    places: readonly { streamId: number; afterSeq: number }[];
    until: number;
    limitPerStream: number;
  }): StoredRetry[] {
    return query.places.flatMap(({ streamId, afterSeq }) =>
      [...this.retries.values()]
        .filter((row) => row.streamId === streamId && row.subscriptionId === query.subscriptionId)
        .filter((row) => row.seq > afterSeq && row.at <= query.until)
        .toSorted((a, b) => a.seq - b.seq)
        .slice(0, query.limitPerStream),
    );
  }

  beat(identity: WorkerIdentity, isLeaving: boolean): { at: Date; wasKnown: boolean } {
    const wasKnown = this.workerRows.has(identity.workerId);
    this.workerRows.set(identity.workerId, { ...identity, beatAt: this.now(), isLeaving });
    return { at: new Date(this.now()), wasKnown };
  }

  workers(): WorkerRow[] {
    return [...this.workerRows.values()].map(({ beatAt, ...identity }) => ({
      ...identity,
      silentMs: this.now() - beatAt,
    }));
  }

  owned(workerId: string): Map<number, number> {
    const mine = [...this.assignments].filter(([, { owner }]) => owner === workerId);
    return new Map(mine.map(([streamId, { epoch }]) => [streamId, epoch]));
  }

  someAreFree(): boolean {
    return [...this.assignments.values()].some(({ owner }) => owner === undefined);
  }

  claim(query: {
    workerId: string;
    streamIds: readonly number[];
    fromSilent: boolean;
    deadAfterMs: number;
    held: ReadonlyMap<number, number>;
  }): Claim[] {
    const isFree = ({ owner, epoch }: Assignment, streamId: number) =>
      owner === undefined ||
      (owner === query.workerId && query.held.get(streamId) === epoch) ||
      (query.fromSilent && !this.lives(owner, query));
    return query.streamIds.flatMap((streamId) => {
      const assignment = this.assignments.get(streamId);
      if (!assignment || !isFree(assignment, streamId)) return [];
      assignment.owner = query.workerId;
      assignment.epoch += 1;
      const { epoch } = assignment;
      const cursors = this.cursorsOf([streamId]);
      for (const cursor of cursors) cursor.epoch = epoch;
      this.watcher.claimed(query.workerId, streamId);
      return [
        { streamId, epoch, head: this.stream(streamId).events.length, cursors: cursors.map((row) => ({ ...row })) },
      ];
    });
  }

  release(workerId: string, streams: ReadonlyMap<number, number>): void {
    for (const [streamId, epoch] of streams) {
      const assignment = this.assignments.get(streamId);
      if (assignment?.owner !== workerId || assignment.epoch !== epoch) continue;
      assignment.owner = undefined;
      this.watcher.released(workerId, streamId);
    }
  }

  leave(workerId: string): void {
    this.workerRows.delete(workerId);
    this.words.delete(workerId);
    for (const assignment of this.assignments.values()) if (assignment.owner === workerId) assignment.owner = undefined;
  }

  raiseEpochs(owned: ReadonlyMap<number, number>, subscriptionIds?: readonly number[]): void {
    for (const row of this.cursorsOf([...owned.keys()], subscriptionIds))
      row.epoch = Math.max(row.epoch, owned.get(row.streamId) ?? 0);
  }

  cursorsOf(streamIds: readonly number[], subscriptionIds?: readonly number[]): CursorRow[] {
    return [...this.cursors.values()].filter(
      ({ streamId, subscriptionId }) =>
        streamIds.includes(streamId) && (subscriptionIds?.includes(subscriptionId) ?? true),
    );
  }

  /** The cursor is still the one that the settle is about. */
  isOf = (row: CursorRow | undefined, written: WrittenCursor): row is CursorRow =>
    row?.epoch === written.epoch && row.moves === written.moves;

  /** The settle that was written last is the one before. */
  isNext = (row: CursorRow, written: WrittenCursor): boolean => row.settleNo === written.settleNo - 1;

  /** @param closed the batch as it was when the statement was sent */
  settle(workerId: string, closed: ClosedBatch, options: SettleOptions): Set<string> {
    const fence = new Map(
      closed.cursors
        .map((written) => ({ written, row: this.cursors.get(written.key) }))
        .filter(({ written, row }) => this.isOf(row, written) && this.isNext(row, written))
        .map(({ written, row }) => [written.key, { written, row: row as CursorRow }] as const),
    );
    const isOwn = ({ cursor }: { cursor: { key: string } }) => fence.has(cursor.key);
    refuseDoubles(closed.retries.filter(isOwn).map(({ cursor, seq }) => `${cursor.key}/${seq}`));
    refuseDoubles(closed.dead.filter(isOwn).map(({ cursor, event }) => `${cursor.key}/${event.seq}`));
    const cursors = [...fence.values()].map(({ written, row }) => this.writeCursor(row, written));
    const attempts = closed.attempts.filter(isOwn);
    if (options.withAttempts) this.recordAttempts(attempts);
    const finished = closed.finished.filter(isOwn);
    for (const row of closed.retries.filter(isOwn)) this.writeRetry(row);
    for (const { cursor, seq } of finished) this.retries.delete(`${cursor.key}/${seq}`);
    this.bury(closed.dead.filter(isOwn), finished);
    this.watcher.settled(workerId, {
      cursors,
      attempts,
      fencedAttempts: closed.attempts.filter((row) => !isOwn(row)),
      finished: finished.map(({ cursor, seq }) => ({ key: cursor.key, seq })),
    });
    const isWritten = (written: WrittenCursor) => {
      const row = this.cursors.get(written.key);
      return (
        fence.has(written.key) || (options.isRepeated && this.isOf(row, written) && row.settleNo === written.settleNo)
      );
    };
    return new Set(closed.cursors.filter(isWritten).map(({ key }) => key));
  }

  private writeCursor(row: CursorRow, written: WrittenCursor): WrittenBatch['cursors'][number] {
    const before = SettledRanges.parse(row.settledSeq, row.settledAt, row.above);
    const { counts, ...values } = written;
    // The place never goes back, whatever somebody else has moved it to.
    Object.assign(row, values, {
      settledSeq: Math.max(row.settledSeq, written.settledSeq),
      settledAt: Math.max(row.settledAt, written.settledAt),
    });
    for (const what of countNames) row[what] += counts[what];
    return { row, before };
  }

  private recordAttempts(rows: readonly AttemptRow[]): void {
    for (const { cursor, seq, attempt, at, outcome } of rows)
      this.attempts.push({ key: `${cursor.key}/${seq}`, attempt, at, outcome });
  }

  private writeRetry({ cursor, seq, ...row }: SettleBatch['retries'][number]): void {
    const { eventAt, attempts, kind, operationId, at, isRepeat } = row;
    const place = { streamId: cursor.stream.streamId, subscriptionId: cursor.sender.subscriptionId, seq };
    const known = this.retries.get(`${cursor.key}/${seq}`);
    const values = { eventAt, attempts, kind, operationId, at, isRepeat: known?.isRepeat ?? isRepeat };
    this.retries.set(`${cursor.key}/${seq}`, { ...place, ...values });
  }

  private bury(dead: SettleBatch['dead'], finished: SettleBatch['finished']): void {
    const buried = new Set(dead.map(({ cursor, event }) => `${cursor.key}/${event.seq}`));
    for (const { cursor, seq, kind } of finished) {
      const key = `${cursor.key}/${seq}`;
      if (isAskedFor(kind) && !buried.has(key)) this.deadLetters.delete(key);
    }
    for (const { cursor, event, attempts, reason } of dead) {
      this.deadLetters.set(`${cursor.key}/${event.seq}`, { attempts, reason });
    }
  }

  private lives(owner: string, { deadAfterMs }: { deadAfterMs: number }): boolean {
    return (this.workerRows.get(owner)?.beatAt ?? Number.NEGATIVE_INFINITY) > this.now() - deadAfterMs;
  }

  private stream(streamId: number): StreamRow {
    const stream = this.streams.get(streamId);
    if (!stream) throw new Error(`no stream ${streamId}`);
    return stream;
  }
}

/** As Postgres does for ON CONFLICT DO UPDATE, with 21000. */
function refuseDoubles(keys: readonly string[]): void {
  if (new Set(keys).size < keys.length) throw new Error('command cannot affect row a second time');
}

type WrittenCursor = Omit<SettleBatch['cursorRows'][number], 'cursor'> & { key: string; epoch: number; moves: number };

/** The values of a settle statement: later changes of the batch do not reach them. */
export interface ClosedBatch extends Pick<SettleBatch, 'attempts' | 'retries' | 'finished' | 'dead'> {
  cursors: readonly WrittenCursor[];
}

export function closedBatch({ cursorRows, attempts, retries, finished, dead }: SettleBatch): ClosedBatch {
  const cursors = cursorRows.map(({ cursor, ...values }) => ({
    ...values,
    key: cursor.key,
    epoch: cursor.stream.epoch,
    moves: cursor.moves,
  }));
  return { cursors, attempts: [...attempts], retries: [...retries], finished: [...finished], dead: [...dead] };
}
