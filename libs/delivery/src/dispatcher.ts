import type { HookClient, HookResponse } from '@hookcast/egress';
import type { ReportedOutcome } from './attempt-report.js';
import type { Clock } from './clock.js';
import type { DeliveryLog } from './delivery-log.js';
import { errorText } from './delivery-log.js';
import { endpointSign } from './flow/endpoint-sign.js';
import type { FilterReport } from './filter-report.js';
import { hookRequest } from './hook-request.js';
import { isAskedFor, retryKind } from './lanes.js';
import { decide, type Outcome } from './outcome.js';
import type { Parking } from './parking.js';
import type { RoundRobin } from './round-robin.js';
import type { Delivery, Endpoint, Sender } from './sender.js';
import type { Settler } from './settler.js';

export interface DispatcherOptions {
  client: Pick<HookClient, 'post'>;
  settler: Settler;
  /** Whoever has something to send stands in it. */
  line: RoundRobin<Sender>;
  parking: Parking;
  filterReport: FilterReport;
  clock: Clock;
  lines: DeliveryLog;
  random: () => number;
  /** Requests in flight at the same time. */
  slots: number;
  /** Requests in flight to one endpoint. */
  slotsPerEndpoint: number;
  /** It has something to send, and no token left. */
  onTokensWanted(sender: Sender): void;
  /** A delivery was taken: more events or retries may be wanted. */
  onTaken(delivery: Delivery): void;
  onFinished(delivery: Delivery, response: HookResponse, outcome: ReportedOutcome): void;
  /** No request from a stream is in flight any more. */
  onIdle(): void;
  onSuspended(sender: Sender, outcome: Extract<Outcome, { kind: 'suspend' }>): void;
}

/** Milliseconds that handing out may take at a stretch. */
const turnMs = 25;

/** Shares the worker's slots among the subscriptions: whoever has something to send stands in one line. */
export class Dispatcher {
  readonly line: RoundRobin<Sender>;
  private inFlight = 0;
  private isStopped = false;
  private isResuming = false;
  /** Moments of the monotonic clock from which on nothing is sent: what was known until then may no longer hold. */
  private readonly sendBefore = { ownership: Number.NEGATIVE_INFINITY, catalog: Number.NEGATIVE_INFINITY };

  constructor(private readonly options: DispatcherOptions) {
    this.line = options.line;
  }

  get isIdle(): boolean {
    return this.inFlight === 0;
  }

  /** True while the worker knows what it owns, and who wants to be sent to. */
  get isOpen(): boolean {
    const { ownership, catalog } = this.sendBefore;
    return !this.isStopped && this.options.clock.monotonic() < Math.min(ownership, catalog);
  }

  /** Ownership, or what the catalog says of subscriptions, was confirmed. */
  allowUntil(what: 'ownership' | 'catalog', monotonic: number): void {
    this.sendBefore[what] = Math.max(this.sendBefore[what], monotonic);
    this.pump();
  }

  stop(): void {
    this.isStopped = true;
  }

  /** Sends as much as slots, windows and endpoints allow. */
  pump(): void {
    if (this.line.size === 0 || !this.isOpen) return;
    const { settler, slots, clock } = this.options;
    const now = clock.now();
    const until = clock.monotonic() + turnMs;
    while (this.inFlight < slots && settler.hasRoom) {
      if (clock.monotonic() > until) return this.continueLater();
      const sender = this.line.next();
      if (sender === undefined) return;
      this.serve(sender, now);
    }
  }

  /** Costly filters may keep a turn busy: timers and answers get theirs in between. */
  private continueLater(): void {
    if (this.isResuming) return;
    this.isResuming = true;
    setImmediate(() => {
      this.isResuming = false;
      this.pump();
    });
  }

  private serve(sender: Sender, now: number): void {
    const { endpoint } = sender;
    // It comes back into the line when an answer or tokens arrive, its park ends or it is resumed.
    if (sender.room(now) === 0) {
      if (sender.lacksTokens(now)) this.options.onTokensWanted(sender);
      return this.letNextIn(endpoint);
    }
    if (endpoint.inFlight >= this.options.slotsPerEndpoint) return endpoint.waiting.add(sender);
    const delivery = sender.take();
    if (delivery === undefined) return this.letNextIn(endpoint);
    this.options.onTaken(delivery);
    this.start(delivery, now);
    this.line.add(sender);
  }

  private start(delivery: Delivery, now: number): void {
    const { event, retry } = delivery;
    const { settler } = this.options;
    // What waited was wanted when it began to wait, and what is redelivered was asked for.
    if (retry === undefined && !this.isWanted(delivery, now)) settler.pass(delivery);
    else if (event.expiresAt <= now && !isAskedFor(retry?.kind)) settler.expire(delivery, now);
    else if (event.deliverAt > now && retry === undefined) settler.postpone(delivery);
    else this.send(delivery, now);
  }

  private isWanted(delivery: Delivery, now: number): boolean {
    const { filter } = delivery.sender.settings;
    if (filter === undefined) return true;
    const verdict = filter.matches(delivery.event.view);
    if (verdict.kind === 'match') return true;
    this.options.filterReport.keptBack(delivery, verdict, now);
    return false;
  }

  private send(delivery: Delivery, now: number): void {
    const { sender, cursor } = delivery;
    this.inFlight += 1;
    sender.inFlight += 1;
    sender.endpoint.inFlight += 1;
    cursor.stream.inFlight += 1;
    sender.flow.sent(delivery);
    const { endpoint } = sender;
    void this.post(delivery, now).then((response) => this.finish(delivery, endpoint, response));
  }

  private post(delivery: Delivery, now: number): Promise<HookResponse> {
    const { sender, event, attempt, retry } = delivery;
    const number = { number: attempt, isReplay: retry?.kind === retryKind.replay };
    try {
      return this.options.client.post(hookRequest(sender.template, event, number, Math.floor(now / 1000)));
    } catch (error) {
      // The client never fails; this is a fault of our own, and the delivery must not vanish in it.
      return Promise.resolve(ownFault(error));
    }
  }

  private finish(delivery: Delivery, endpoint: Endpoint, response: HookResponse): void {
    const { sender, cursor } = delivery;
    this.inFlight -= 1;
    sender.inFlight -= 1;
    endpoint.inFlight -= 1;
    cursor.stream.inFlight -= 1;
    this.conclude(delivery, response);
    this.line.add(sender);
    this.letNextIn(endpoint);
    this.pump();
    if (cursor.stream.inFlight === 0) this.options.onIdle();
  }

  /** A slot of the endpoint is free, or was not used by the one it was offered to. */
  private letNextIn(endpoint: Endpoint): void {
    const waiting = endpoint.waiting.next();
    if (waiting !== undefined) this.line.add(waiting);
  }

  private conclude(delivery: Delivery, response: HookResponse): void {
    // Cut off by our own shutdown: nobody knows what the hook did, so the delivery is left to the next owner.
    if (response.kind === 'failed' && response.error === 'aborted' && this.isStopped) return;
    const { sender, cursor, event, attempt } = delivery;
    const { clock, random, settler } = this.options;
    const now = clock.now();
    const expiresAt = isAskedFor(delivery.retry?.kind) ? Number.POSITIVE_INFINITY : event.expiresAt;
    const outcome = decide(response, { attempt, policy: sender.subscription, now, expiresAt, random });
    const isReturned = this.judge(delivery, response, outcome);
    this.options.onFinished(delivery, response, isReturned ? { kind: 'parked', error: errorOf(outcome) } : outcome);
    // Another worker owns the stream, or the subscription is gone: the result is nobody's.
    if (cursor.isClosed) return;
    if (isReturned) return sender.giveBack(delivery);
    if (outcome.kind === 'suspend') this.options.onSuspended(sender, outcome);
    settler.add(delivery, response, outcome, now);
  }

  /** True when the endpoint is down, and the delivery goes back as if it had not been tried. */
  private judge(delivery: Delivery, response: HookResponse, outcome: Outcome): boolean {
    const { sender, cursor } = delivery;
    const sign = endpointSign(response, outcome);
    sender.flow.ended(sign, { durationMs: response.durationMs, inFlight: sender.inFlight + 1 });
    return !cursor.isClosed && this.options.parking.judge(delivery, sign, outcome);
  }
}

const errorOf = (outcome: Outcome): string => ('error' in outcome ? outcome.error : '');

function ownFault(error: unknown): HookResponse {
  const detail = errorText(error);
  const sent = { requestSent: false, reusedSocket: false, answerStarted: false };
  return { kind: 'failed', error: 'other', detail, log: detail, durationMs: 0, ...sent };
}
