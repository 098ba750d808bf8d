/**
 * - none: events are sent as soon as there is room
 * - key: events of one key arrive one after another; a failing one holds back its key
 * - strict: one request at a time for each stream; a failing event holds back the stream
 */
export type Ordering = 'none' | 'key' | 'strict';

/** How a delivery stands to its line: `aside` are those that left it, such as delayed events and redeliveries. */
export type Standing = 'first' | 'retry' | 'aside';

/** What the gate has to know of a delivery. */
export interface Ordered {
  readonly seq: number;
  readonly key: string | undefined;
  readonly standing: Standing;
  /** About what it occupies in memory. */
  readonly bytes: number;
}

/**
 * How a delivery's part in a request ended:
 * - settled: nothing waits for it any more
 * - failing: it will be tried again, and its line waits for it
 * - apart: it will be tried again, and nobody waits for it
 */
export type Ending = 'settled' | 'failing' | 'apart';

/** What waits in memory for its turn, for one subscription in one stream. */
export interface GateBounds {
  events: number;
  bytes: number;
  /** Failing deliveries that hold others back. */
  failing: number;
}

export const gateBounds: GateBounds = { events: 1_000, bytes: 8 * 1_048_576, failing: 10_000 };

/** The deliveries of one key, or under `strict` of the stream. */
interface Line<D> {
  readonly key: string;
  /** The request that has some of them in flight. */
  holder: object | undefined;
  inFlight: number;
  /** Positions that will be tried again. */
  readonly failing: Set<number>;
  /** Wait for the request in flight only. */
  aside: D[];
  /** Wait for everything before them, in the order of positions. */
  held: D[];
  isReady: boolean;
}

/**
 * Keeps the order of one subscription in one stream: whatever is to be sent asks the gate first, and is kept there until
 * its turn has come. What is kept is not settled, so nothing of it has to be stored.
 */
export class OrderGate<D extends Ordered> {
  private readonly lines = new Map<string, Line<D>>();
  private readonly failingLines = new Map<number, Line<D>>();
  private ready: Line<D>[] = [];
  /** Came before it was known what fails, or under another ordering: they ask again. */
  private again: D[] = [];
  private isOpened: boolean;
  /** Ended while it was being read what fails, so what is read about them is out of date. */
  private readonly endedMeanwhile = new Set<number>();
  private events = 0;
  private bytes = 0;

  /** @param onReady there is something to take again, or room for another event */
  constructor(
    readonly ordering: Ordering,
    private readonly onReady: () => void,
    private readonly bounds: GateBounds = gateBounds,
  ) {
    this.isOpened = ordering === 'none';
  }

  /** False until it is known which deliveries fail; nothing is let through before. */
  get isOpen(): boolean {
    return this.isOpened;
  }

  /** Deliveries that wait here for others. */
  get held(): number {
    return this.events;
  }

  /** Failing deliveries that hold others back. */
  get failing(): number {
    return this.failingLines.size;
  }

  /** Their positions. */
  get failingSeqs(): number[] {
    return [...this.failingLines.keys()];
  }

  /** @param failing the deliveries of this subscription and stream that wait for another attempt */
  open(failing: readonly { seq: number; key: string | undefined }[]): void {
    for (const { seq, key } of failing) {
      if (this.endedMeanwhile.has(seq)) continue;
      const line = this.lineOf(key);
      if (line !== undefined) this.fail(line, seq);
    }
    this.isOpened = true;
    this.endedMeanwhile.clear();
    this.onReady();
  }

  /** Whether the request may take another event from the log. */
  hasRoom(request: object): boolean {
    if (this.ordering === 'none') return true;
    if (!this.isOpened) return false;
    if (this.ordering === 'key') return this.isWithinBounds;
    const line = this.lines.get('');
    return line === undefined || (line.failing.size === 0 && line.held.length === 0 && isFreeFor(line, request));
  }

  /** There is something to take besides the log. */
  get hasReady(): boolean {
    return this.isOpened && (this.ready.length > 0 || this.again.length > 0);
  }

  /** True when the delivery may go with the request; else it is kept until its turn comes. */
  admit(delivery: D, request: object): boolean {
    if (!this.isOpened) {
      this.again.push(delivery);
      return false;
    }
    const line = this.lineOf(delivery.key);
    if (line === undefined) return true;
    if (this.isTurnOf(delivery, line, request)) {
      this.start(line, request);
      return true;
    }
    this.keep(delivery, line);
    return false;
  }

  /** A delivery that was kept and whose turn has come. It goes with the request. */
  takeReady(request: object): D | undefined {
    if (!this.isOpened) return undefined;
    for (let delivery = this.again.shift(); delivery !== undefined; delivery = this.again.shift())
      if (this.admit(delivery, request)) return delivery;
    for (let line = this.ready.shift(); line !== undefined; line = this.ready.shift()) {
      line.isReady = false;
      const delivery = this.nextOf(line, request);
      if (delivery === undefined) continue;
      this.events -= 1;
      this.bytes -= delivery.bytes;
      this.start(line, request);
      this.makeReady(line);
      return delivery;
    }
    return undefined;
  }

  /** The request goes without the delivery after all: it is the next of its line. False when it has none. */
  putBack(delivery: D, request: object): boolean {
    const line = this.knownLine(delivery, request);
    if (line === undefined) return false;
    if (delivery.standing === 'first') line.held.unshift(delivery);
    else line.aside.unshift(delivery);
    this.count(delivery);
    this.stop(line);
    return true;
  }

  /** A request has ended for a delivery that went with it. */
  ended(delivery: D, request: object, ending: Ending): void {
    const line = this.knownLine(delivery, request);
    if (ending === 'failing') this.failed(delivery);
    // A retry that went out under another ordering may be waited for here all the same.
    else if (line === undefined) return this.forget(delivery.seq);
    else this.heal(delivery.seq);
    if (line !== undefined) this.stop(line);
  }

  /** A failing delivery is waited for no longer: somebody or something else has ended it. */
  forget(seq: number): void {
    const line = this.failingLines.get(seq);
    this.heal(seq);
    if (line !== undefined) this.settle(line);
  }

  /** What waits here, for a gate of another ordering. */
  leave(): D[] {
    const waiting = [...this.lines.values()].flatMap(({ aside, held }) => [...aside, ...held]);
    return [...this.again, ...waiting].toSorted((a, b) => a.seq - b.seq);
  }

  /** Takes over what waited in a gate of another ordering. */
  enter(waiting: readonly D[]): void {
    this.again.push(...waiting);
    if (this.again.length > 0) this.onReady();
  }

  /** Some of its deliveries are in a request that has not ended. */
  get isBusy(): boolean {
    for (const { inFlight } of this.lines.values()) if (inFlight > 0) return true;
    return false;
  }

  /** Takes the place of a gate whose requests have not all ended: their lines wait for them here as well. */
  succeed(before: OrderGate<D>): void {
    if (before.ordering !== this.ordering) return;
    for (const { key, holder, inFlight } of before.lines.values())
      if (inFlight > 0) this.lines.set(key, { ...emptyLine<D>(key), holder, inFlight });
  }

  /** A request has ended for a delivery that went with it before this gate took the place of another, or lost its own. */
  released(delivery: D, request: object): void {
    const line = this.knownLine(delivery, request);
    if (line !== undefined) this.stop(line);
  }

  private get isWithinBounds(): boolean {
    const { events, bytes, failing } = this.bounds;
    return this.events < events && this.bytes < bytes && this.failingLines.size < failing;
  }

  private isTurnOf({ standing }: D, line: Line<D>, request: object): boolean {
    if (!isFreeFor(line, request)) return false;
    return standing !== 'first' || (line.failing.size === 0 && line.held.length === 0);
  }

  private nextOf(line: Line<D>, request: object): D | undefined {
    if (!isFreeFor(line, request)) return undefined;
    return line.aside.shift() ?? (line.failing.size === 0 ? line.held.shift() : undefined);
  }

  private keep(delivery: D, line: Line<D>): void {
    if (delivery.standing === 'first') line.held.push(delivery);
    else line.aside.push(delivery);
    this.count(delivery);
  }

  private count({ bytes }: D): void {
    this.events += 1;
    this.bytes += bytes;
  }

  private start(line: Line<D>, request: object): void {
    line.holder = request;
    line.inFlight += 1;
  }

  private stop(line: Line<D>): void {
    line.inFlight -= 1;
    if (line.inFlight > 0) return;
    line.holder = undefined;
    // Deliveries of one request come back one by one, and in any order.
    line.held.sort((a, b) => a.seq - b.seq);
    this.settle(line);
  }

  /** Its next one may go, or the line is over. */
  private settle(line: Line<D>): void {
    if (line.inFlight === 0 && isEmpty(line)) this.lines.delete(line.key);
    this.makeReady(line);
    this.onReady();
  }

  private makeReady(line: Line<D>): void {
    const hasNext = line.aside.length > 0 || (line.held.length > 0 && line.failing.size === 0);
    if (!hasNext || line.isReady) return;
    line.isReady = true;
    this.ready.push(line);
  }

  private failed({ seq, key }: D): void {
    const line = this.lineOf(key);
    if (line !== undefined) this.fail(line, seq);
  }

  private fail(line: Line<D>, seq: number): void {
    this.endedMeanwhile.delete(seq);
    line.failing.add(seq);
    this.failingLines.set(seq, line);
  }

  private heal(seq: number): void {
    if (!this.isOpened) this.endedMeanwhile.add(seq);
    this.failingLines.get(seq)?.failing.delete(seq);
    this.failingLines.delete(seq);
  }

  /** Undefined for what has no order. */
  private lineOf(key: string | undefined): Line<D> | undefined {
    const name = lineName(this.ordering, key);
    if (name === undefined) return undefined;
    const known = this.lines.get(name);
    if (known) return known;
    const line = emptyLine<D>(name);
    this.lines.set(name, line);
    return line;
  }

  /** Undefined too when it went out under another ordering. */
  private knownLine({ key }: D, request: object): Line<D> | undefined {
    const name = lineName(this.ordering, key);
    const line = name === undefined ? undefined : this.lines.get(name);
    return line?.holder === request ? line : undefined;
  }
}

const emptyLine = <D>(key: string): Line<D> => ({
  key,
  holder: undefined,
  inFlight: 0,
  failing: new Set(),
  aside: [],
  held: [],
  isReady: false,
});

/** The line that an event stands in; undefined for what has no order. */
export function lineName(ordering: Ordering, key: string | undefined): string | undefined {
  if (ordering === 'none') return undefined;
  return ordering === 'strict' ? '' : key;
}

const isFreeFor = (line: Line<unknown>, request: object): boolean =>
  line.holder === undefined || line.holder === request;

const isEmpty = ({ failing, aside, held }: Line<unknown>): boolean =>
  failing.size === 0 && aside.length === 0 && held.length === 0;
