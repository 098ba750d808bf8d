import { joinBatch, mediaTypes } from '@hookcast/protocol';
import { readAnswer, type BatchAnswer } from './batch-answer.js';
import type { PendingPublish } from './pending-publish.js';
import type { RequestReport } from './request-report.js';
import { RequestSlots } from './request-slots.js';
import { retryDelayMs } from './retry-delay.js';
import { settleCalls } from './settle-calls.js';
import type { PublisherSettings } from './settings.js';
import { tell } from './tell.js';
import { pause, startTimer } from './timer.js';
import { TopicLanes, type Lane } from './topic-lanes.js';
import type { PublishRequest, Transport } from './transport.js';

export interface DispatcherOptions {
  settings: PublisherSettings;
  transport: Transport;
  clock: Clock;
  /** From 0 to 1. */
  random: () => number;
  /** The broker could not take a request. True when its calls were taken care of, so that none is sent again. */
  onUnavailable?: () => boolean;
  /** The broker has decided about a request, after so long. */
  onDecided?: (durationMs: number) => void;
}

export interface Clock {
  /** The wall clock, in milliseconds. */
  now(): number;
  /** Milliseconds that only go forward: pacing and deadlines must not jump with the wall clock. */
  elapsed(): number;
}

/**
 * Sends the calls of every topic: the first at once, those that come while requests are in flight together in the next
 * one. Splits what is refused and tries again what failed, always with the same ids.
 */
export class Dispatcher {
  private readonly topics = new Map<string, TopicLanes>();
  private readonly slots: RequestSlots;

  constructor(private readonly options: DispatcherOptions) {
    this.slots = new RequestSlots(options.settings.maxRequests);
  }

  /** Topics that something waits for, or that are paused after a failure. */
  get knownTopics(): number {
    return this.topics.size;
  }

  /** Takes over a call; its result is told by settling it. */
  add(call: PendingPublish): void {
    const lanes = this.lanesOf(call.events[0]?.topic ?? '');
    lanes.add(call);
    const lane = lanes.idleLane();
    if (lane === undefined) return;
    lane.isRunning = true;
    void this.run(lanes, lane);
  }

  private lanesOf(topic: string): TopicLanes {
    const known = this.topics.get(topic);
    if (known !== undefined) return known;
    const lanes = new TopicLanes(topic, this.options.settings.maxRequestsPerTopic);
    this.topics.set(topic, lanes);
    return lanes;
  }

  private async run(lanes: TopicLanes, lane: Lane): Promise<void> {
    // Calls made in the same turn of the event loop share the first request; waiting for its end costs no time.
    await endOfTurn();
    while ((await this.sendNext(lanes, lane)) === 'more');
    this.forget(lanes);
  }

  /** A topic is remembered while anything of it waits, and its failures for as long as they hold it back. */
  private forget(lanes: TopicLanes): void {
    if (!lanes.isIdle || this.topics.get(lanes.topic) !== lanes) return;
    const pausedMs = lanes.notBefore - this.options.clock.elapsed();
    if (pausedMs <= 0) this.topics.delete(lanes.topic);
    else startTimer(() => this.forget(lanes), Math.ceil(pausedMs))?.unref();
  }

  /** Sends the lane's next request, or waits until it may. `ended` when there is nothing to send. */
  private async sendNext(lanes: TopicLanes, lane: Lane): Promise<'more' | 'ended'> {
    const waitMs = lanes.notBefore - this.options.clock.elapsed();
    if (waitMs > 0) {
      await pause(waitMs);
      return 'more';
    }
    await this.slots.acquire();
    const calls = lanes.next(lane, this.options.settings.batch);
    if (calls.length > 0) lane.again.unshift(...(await this.send(lanes, calls)));
    // Set in the same turn as the look that found nothing: a call that comes next starts the lane anew, and this run must
    // end whatever `isRunning` says by then, or two of them would send side by side and out of order.
    else lane.isRunning = false;
    this.slots.release();
    return calls.length > 0 ? 'more' : 'ended';
  }

  /** Sends one request, settles what its answer decides and returns what is to be sent again. */
  private async send(lanes: TopicLanes, calls: PendingPublish[]): Promise<PendingPublish[][]> {
    const { clock, settings, transport } = this.options;
    for (const call of calls) call.attempts += 1;
    const request = publishRequest(lanes.topic, calls);
    const startedAt = clock.elapsed();
    const response = await transport.publish(request);
    const durationMs = clock.elapsed() - startedAt;
    const ids = calls.flatMap(({ events }) => events.map(({ id }) => id));
    const answer = readAnswer(response, { topic: lanes.topic, ids }, clock.now());
    // No pause for this topic: nothing is sent this way before the broker is known to be back.
    const isTakenOver = answer.kind === 'retry' && this.options.onUnavailable?.() === true;
    if (!isTakenOver) this.pace(lanes, answer);
    if (answer.kind !== 'retry') this.options.onDecided?.(durationMs);
    this.report({
      topic: lanes.topic,
      events: ids.length,
      bytes: request.body.length,
      attempt: Math.max(...calls.map(({ attempts }) => attempts)),
      durationMs,
      status: response.kind === 'answered' ? response.status : undefined,
      ...outcomeOf(answer, calls.length),
    });
    if (isTakenOver) return [];
    return settleCalls(calls, answer, { retryAt: lanes.notBefore, maxAttempts: settings.maxAttempts });
  }

  private pace(lanes: TopicLanes, answer: BatchAnswer): void {
    if (answer.kind !== 'retry') {
      lanes.failures = 0;
      return;
    }
    const { clock, random, settings } = this.options;
    lanes.failures += 1;
    const backoffMs = retryDelayMs(lanes.failures, settings.retry, random());
    // A wait longer than any call lasts would only turn the broker's words into a timeout.
    const askedMs = Math.min(answer.retryAfterMs, settings.timeoutMs);
    lanes.notBefore = Math.max(lanes.notBefore, clock.elapsed() + Math.max(backoffMs, askedMs));
  }

  private report(report: RequestReport): void {
    tell(() => this.options.settings.hooks.onRequest?.(report));
  }
}

function publishRequest(topic: string, calls: readonly PendingPublish[]): PublishRequest {
  const bodies = calls.flatMap(({ events }) => events.map(({ body }) => body));
  const [only] = bodies;
  if (only !== undefined && bodies.length === 1) return { topic, contentType: mediaTypes.structured, body: only };
  return { topic, contentType: mediaTypes.batch, body: joinBatch(bodies) };
}

function outcomeOf(answer: BatchAnswer, calls: number): Pick<RequestReport, 'outcome' | 'reason'> {
  if (answer.kind === 'stored') return { outcome: 'stored', reason: undefined };
  const { reason } = answer.failure;
  if (answer.kind === 'retry') return { outcome: 'retry', reason };
  return { outcome: answer.kind === 'refused' || calls === 1 ? 'refused' : 'split', reason };
}

const endOfTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
