import type { HookClient, HookResponse } from '@hookcast/egress';
import type { Reported } from '../outcome/attempt-report.js';
import { callRequest } from './batch-request.js';
import { CallComposer } from './call-composer.js';
import { conclude, type Conclusion } from '../outcome/call-conclusion.js';
import { momentOf, type Clock, type Moment } from '../timing/clock.js';
import { holdsBack, type Delivery, type HookCall } from '../delivery.js';
import type { DeliveryLog } from '../delivery-log.js';
import { errorText } from '../delivery-log.js';
import { endpointSign, hasAnswered } from '../flow/endpoint-sign.js';
import type { BacklogGate } from '../flow/backlog-gate.js';
import type { FilterReport } from '../reading/filter-report.js';
import type { Outcome } from '../outcome/outcome.js';
import type { Parking } from '../flow/parking.js';
import { backlogAfterMs } from '../reading/stream-reader.js';
import type { RoundRobin } from './round-robin.js';
import type { Endpoint, Sender } from './sender.js';
import type { Settler } from '../settling/settler.js';

export interface DispatcherOptions {
  client: Pick<HookClient, 'post'>;
  settler: Settler;
  /** Whoever has something to send stands in it. */
  line: RoundRobin<Sender>;
  parking: Parking;
  backlogs: BacklogGate;
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
  onFinished(response: HookResponse, reported: readonly Reported[]): void;
  /** No request for a cursor, or from a stream, is in flight any more. */
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

  private readonly composer: CallComposer;

  constructor(private readonly options: DispatcherOptions) {
    this.line = options.line;
    this.composer = new CallComposer(options);
  }

  get isIdle(): boolean {
    return this.inFlight === 0;
  }

  /** True while the worker knows what it owns, and who wants to be sent to. */
  get isOpen(): boolean {
    return this.isOpenAt(this.options.clock.monotonic());
  }

  private isOpenAt(monotonic: number): boolean {
    const { ownership, catalog } = this.sendBefore;
    return !this.isStopped && monotonic < Math.min(ownership, catalog);
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
    if (this.line.size === 0) return;
    const { settler, slots, clock } = this.options;
    const until = clock.monotonic() + turnMs;
    while (this.inFlight < slots && settler.hasRoom) {
      // For each request anew: between any two of them the process may have stood still.
      const moment = momentOf(clock);
      if (!this.isOpenAt(moment.monotonic)) return;
      if (moment.monotonic > until) return this.continueLater();
      const sender = this.line.next();
      if (sender === undefined) return;
      this.serve(sender, moment);
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

  private serve(sender: Sender, moment: Moment): void {
    const { endpoint } = sender;
    const { now } = moment;
    const room = sender.room(moment);
    // It comes back into the line when an answer or tokens arrive, its park ends or it is resumed.
    if (room === 0) {
      if (sender.lacksTokens(moment)) this.options.onTokensWanted(sender);
      return this.letNextIn(endpoint);
    }
    if (endpoint.inFlight >= this.options.slotsPerEndpoint) return endpoint.waiting.add(sender);
    if (!this.options.backlogs.admits(sender)) return this.letNextIn(endpoint);
    const call = this.composer.compose(sender, room, now);
    if (call === undefined) {
      sender.flow.lease.passTurn();
      return this.letNextIn(endpoint);
    }
    call.groupByStream();
    if (call.first !== undefined) this.send(call, now);
    this.line.add(sender);
  }

  private send(call: HookCall, now: number): void {
    const { sender, deliveries } = call;
    const { endpoint } = sender;
    this.inFlight += 1;
    sender.inFlight += 1;
    endpoint.inFlight += 1;
    for (const { cursor } of deliveries) {
      cursor.inFlight += 1;
      cursor.stream.requests.inFlight += 1;
    }
    if (call.first !== undefined) sender.flow.sent(call.first, deliveries.length);
    this.weigh(call, now);
    void this.post(call, now).then((response) =>
      this.options.backlogs.finishing(sender, () => this.finish(call, endpoint, response)),
    );
  }

  private weigh({ sender, lane, first, deliveries }: HookCall, now: number): void {
    if (lane !== 'first' || first === undefined) return;
    sender.isBehind = now - first.event.at > backlogAfterMs;
    if (sender.isBehind) this.options.backlogs.passed(deliveries.length);
  }

  private post({ sender, deliveries }: HookCall, now: number): Promise<HookResponse> {
    try {
      const [first, ...others] = deliveries;
      if (first === undefined) throw new Error('a request without an event');
      const events = [first.event, ...others.map(({ event }) => event)] as const;
      const number = others.reduce((highest, { attempt }) => Math.max(highest, attempt), first.attempt);
      const each = others.length === 0 ? undefined : deliveries.map(({ attempt }) => attempt);
      const attempt = { number, isReplay: first.isReplay, each };
      return this.options.client.post(callRequest(sender.template, events, attempt, Math.floor(now / 1000)));
    } catch (error) {
      // The client never fails; this is a fault of our own, and the delivery must not vanish in it.
      return Promise.resolve(ownFault(error));
    }
  }

  private finish(call: HookCall, endpoint: Endpoint, response: HookResponse): void {
    const { sender, deliveries } = call;
    this.inFlight -= 1;
    sender.inFlight -= 1;
    endpoint.inFlight -= 1;
    for (const { cursor } of deliveries) {
      cursor.inFlight -= 1;
      cursor.stream.requests.inFlight -= 1;
    }
    this.conclude(call, response);
    for (const delivery of deliveries) if (delivery.cursor.isClosed) sender.released(delivery, call);
    // Who waits for the endpoint goes first: a sender that had the slot and has more would take it again, every time.
    this.letNextIn(endpoint);
    this.line.add(sender);
    this.pump();
    if (deliveries.some(({ cursor }) => cursor.inFlight === 0 || cursor.stream.requests.inFlight === 0))
      this.options.onIdle();
  }

  /** A slot of the endpoint is free, or was not used by the one it was offered to. */
  private letNextIn(endpoint: Endpoint): void {
    const waiting = endpoint.waiting.next();
    if (waiting !== undefined) this.line.add(waiting);
  }

  private conclude(call: HookCall, response: HookResponse): void {
    // Cut off by our own shutdown: nobody knows what the hook did, so the deliveries are left to the next owner.
    if (response.kind === 'failed' && response.error === 'aborted' && this.isStopped) return;
    const { clock, random } = this.options;
    const now = clock.now();
    const conclusions = conclude(call, response, { policy: call.sender.subscription, now, random });
    // Another worker owns the stream, or the subscription is gone: the result is nobody's.
    const ours = conclusions.filter(({ delivery }) => !delivery.cursor.isClosed);
    const isReturned = this.judge(call, response, { conclusions, ours });
    this.options.onFinished(response, isReturned ? conclusions.map(asParked) : conclusions);
    for (const conclusion of ours) {
      if (isReturned) this.giveBack(call, conclusion.delivery);
      else this.settle(call, response, conclusion, now);
    }
  }

  /** Takes down what the answer says about the endpoint, which is the same for all its events. True when it is down, and the deliveries go back as if they had not been tried. */
  private judge(
    { sender, url }: HookCall,
    response: HookResponse,
    { conclusions, ours }: { conclusions: readonly Conclusion[]; ours: readonly Conclusion[] },
  ): boolean {
    // What is heard from an old URL says nothing about the new one.
    if (url !== sender.template.url) return false;
    const { outcome } = conclusions.find(isOpenEnded) ?? conclusions[0] ?? { outcome: { kind: 'delivered' } as const };
    const sign = endpointSign(response, outcome);
    sender.flow.ended(sign, { durationMs: response.durationMs, inFlight: sender.inFlight + 1 });
    const [speaker] = ours;
    if (speaker === undefined) return false;
    const judged = { sign, outcome, hasAnswered: hasAnswered(response) };
    if (this.options.parking.judge(speaker.delivery, judged)) return true;
    if (outcome.kind === 'suspend') this.options.onSuspended(sender, outcome);
    return false;
  }

  /** To its line; and where that is gone, since the order has changed meanwhile, to be taken and ask anew. */
  private giveBack(call: HookCall, delivery: Delivery): void {
    if (!delivery.cursor.order.putBack(delivery, call)) delivery.sender.giveBack(delivery);
  }

  private settle(call: HookCall, response: HookResponse, conclusion: Conclusion, now: number): void {
    const { delivery, outcome, isAlone, isHeldBack } = conclusion;
    const { settler } = this.options;
    const { order } = delivery.cursor;
    const result = { outcome, isAlone, events: call.deliveries.length, now };
    if (isHeldBack) {
      settler.note(delivery, response, result);
      return this.giveBack(call, delivery.again());
    }
    const kind = settler.add(delivery, response, result);
    order.ended(delivery, call, kind === undefined ? 'settled' : holdsBack(kind) ? 'failing' : 'apart');
  }
}

const isOpenEnded = ({ outcome }: Conclusion): boolean => outcome.kind === 'retry' || outcome.kind === 'suspend';

const asParked = ({ delivery, outcome }: Conclusion): Reported => ({
  delivery,
  outcome: { kind: 'parked', error: errorOf(outcome) },
});

const errorOf = (outcome: Outcome): string => ('error' in outcome ? outcome.error : '');

function ownFault(error: unknown): HookResponse {
  const detail = errorText(error);
  const sent = { requestSent: false, reusedSocket: false, answerStarted: false };
  return { kind: 'failed', error: 'other', detail, log: detail, durationMs: 0, ...sent };
}
